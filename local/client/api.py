"""A client of the public API: orders and reads in, answers and status frames out.

Knows HTTP and WebSocket and nothing else of the system, so it works against one that runs anywhere.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace, TracebackType
from typing import Any

import aiohttp
import orjson

from local.client.access import AUTHORIZATION, KEY_SETTING, key_header
from local.client.status_socket import Handshake, StatusSocket
from orderflow.errors import OrderflowError

EXECUTE_PATH = "/api/orders/execute"
BATCH_PATH = "/api/orders/batch"
CANCEL_PATH = "/api/orders/cancel"
STATUS_PATH = "/api/orders/status"
JSON = "application/json"
REQUEST_TIMEOUT_S = 30.0
LARGEST_FRAME_BYTES = 4 * 1024 * 1024

_handshake: ContextVar[Handshake | None] = ContextVar("handshake", default=None)


class UnreachableError(OrderflowError):
    """Nothing answers at the base URL."""

    def __init__(self, url: str, cause: OSError) -> None:
        super().__init__(f"nothing answers at {url}: {cause.strerror or cause}. Is the system running (make run)?")


class RefusedUpgradeError(OrderflowError):
    """The system answered a WebSocket upgrade with something else than 101."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read to its end. `sent_at` is on the clock of `time.perf_counter`."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes
    sent_at: float
    elapsed_ms: float

    def json(self) -> Any:
        """Decode the body; raises ValueError when it is not JSON."""
        return orjson.loads(self.body)


class Client:
    """One HTTP session on `base_url`; `socket_url` is for systems whose WebSockets have another address.

    Requests and handshakes have `key`, or the one in ORDERFLOW_KEY, if there is one; none with an empty key.
    """

    def __init__(self, base_url: str, socket_url: str | None = None, key: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.socket_url = socket_url
        tracing = aiohttp.TraceConfig()
        tracing.on_request_end.append(_note_handshake)
        self._session = aiohttp.ClientSession(
            headers=key_header(key),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            trace_configs=[tracing],
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        Raises UnreachableError when nothing listens there, and aiohttp's ClientError when the connection breaks.
        """
        sent_at = time.perf_counter()
        try:
            async with self._session.request(
                method, self.base_url + path, data=body, headers=headers, skip_auto_headers=["Content-Type"]
            ) as response:
                content = await response.read()
                elapsed_ms = (time.perf_counter() - sent_at) * 1000
                return Answer(response.status, response.reason or "", response.headers, content, sent_at, elapsed_ms)
        except aiohttp.ClientConnectorError as e:
            raise UnreachableError(self.base_url, e.os_error) from e

    async def get(self, path: str) -> Answer:
        """GET `path`, query included."""
        return await self.request("GET", path)

    async def execute(self, order: Mapping[str, object], idempotency_key: str | None = None) -> Answer:
        """POST `order` for execution."""
        return await self._post(EXECUTE_PATH, order, idempotency_key)

    async def execute_batch(self, orders: Sequence[object], idempotency_key: str | None = None) -> Answer:
        """POST `orders` for execution in one request."""
        return await self._post(BATCH_PATH, {"orders": orders}, idempotency_key)

    async def cancel(self, order_id: str) -> Answer:
        """DELETE an order."""
        return await self.request("DELETE", order_path(order_id))

    async def cancel_each(self, order_ids: Sequence[object]) -> Answer:
        """Cancel orders in one request."""
        return await self._post(CANCEL_PATH, {"order_ids": order_ids})

    async def amend(self, order_id: str, fields: Mapping[str, object]) -> Answer:
        """PATCH an order."""
        return await self.request("PATCH", order_path(order_id), orjson.dumps(fields), {"Content-Type": JSON})

    async def _post(self, path: str, document: Mapping[str, object], idempotency_key: str | None = None) -> Answer:
        headers = {"Content-Type": JSON}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return await self.request("POST", path, orjson.dumps(document), headers)

    @asynccontextmanager
    async def open_socket(self, path: str = EXECUTE_PATH) -> AsyncIterator[StatusSocket]:
        """Upgrade `path` to a WebSocket and close it at the end.

        Raises UnreachableError as `request` does, and RefusedUpgradeError for any answer but 101.
        """
        socket = await self._upgrade(self.socket_url or _as_websocket(self.base_url) + path)
        try:
            yield socket
        finally:
            await socket.close()

    async def _upgrade(self, url: str) -> StatusSocket:
        try:
            websocket = await self._session.ws_connect(url, max_msg_size=LARGEST_FRAME_BYTES)
        except aiohttp.WSServerHandshakeError as e:
            raise RefusedUpgradeError(f"the upgrade of {url} was answered with {e.status}{_hint(e.status)}") from e
        except aiohttp.ClientConnectorError as e:
            raise UnreachableError(url, e.os_error) from e
        handshake = _handshake.get()
        if handshake is None:
            raise RefusedUpgradeError(f"the upgrade of {url} left no trace")
        return StatusSocket(websocket, handshake)


def order_path(order_id: str) -> str:
    """Return the path of an order."""
    return f"/api/orders/{order_id}"


def _hint(status: int) -> str:
    """Return what a client can do about a refused upgrade."""
    if status == HTTPStatus.UNAUTHORIZED:
        return f"; an API key is needed, in {KEY_SETTING}"
    if status == HTTPStatus.FORBIDDEN:
        return f"; the key in {KEY_SETTING} is not valid there, or may not read"
    return ""


async def _note_handshake(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
) -> None:
    # aiohttp chooses the Sec-WebSocket-Key itself and shows it nowhere else. The callback runs in the task that
    # asked for the upgrade, so the context variable is that task's own.
    response = params.response
    if response.status == 101:
        sent = response.request_info
        # Reports print it, and a key has no place there.
        headers = {name: value for name, value in sent.headers.items() if name != AUTHORIZATION}
        _handshake.set(Handshake(sent.url.raw_path_qs, headers, response.status, dict(response.headers)))


def _as_websocket(base_url: str) -> str:
    scheme, _, rest = base_url.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"
