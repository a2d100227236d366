"""Posts orders that are already bytes over one keep-alive connection: a body in, a status and a body out.

A general HTTP client costs about 140 µs of processor time a request, this one about 20; the bench shares the
machine with what it measures.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar, cast
from urllib.parse import urlsplit

import orjson

from local.client.access import key_head
from local.client.api import BATCH_PATH, EXECUTE_PATH, UnreachableError
from orderflow.adapters.call_batcher import CallBatcher
from orderflow.errors import OrderflowError

Spoken = TypeVar("Spoken", bound=asyncio.Protocol)
"""What a connection speaks."""

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class BrokenAnswerError(OrderflowError):
    """The connection ended, or carried something that this small client does not read, before a whole answer."""


class Connection(Protocol):
    """What a client posts its orders over."""

    def post(self, body: bytes) -> Awaitable[tuple[int, bytes]]:
        """Post an order; return the status and the body that it is answered."""

    def close(self) -> None:
        """Close the connection."""


async def connect(base_url: str, make: Callable[[str], Spoken]) -> Spoken:
    """Connect to `base_url`; `make` is given its host. Raises UnreachableError when nothing listens there."""
    url = urlsplit(base_url)
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    try:
        _, protocol = await loop.create_connection(
            lambda: make(url.netloc), url.hostname or "", port, ssl=secure or None
        )
    except OSError as e:
        raise UnreachableError(base_url, e) from e
    return protocol


class OrderConnection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, host: str, path: str) -> None:
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{key_head()}Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def open(cls, base_url: str, path: str = EXECUTE_PATH) -> "OrderConnection":
        """Connect to `base_url`, to post to `path`; raises UnreachableError when nothing listens there."""
        return await connect(base_url, lambda host: cls(host, path))

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send `body` and return the answer's status and body; raises BrokenAnswerError when none comes."""
        if self._transport is None or self._transport.is_closing():
            raise BrokenAnswerError("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TCP transports have the methods of WriteTransport without being of its type.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = read_answer(self._received)
        if answer is None or self._answer is None or self._answer.done():
            return
        self._received = b""
        if isinstance(answer, BrokenAnswerError):
            self._answer.set_exception(answer)
        else:
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BrokenAnswerError(f"the connection ended before the answer: {error}"))


class BatchConnection:
    """One connection that several clients share: what they post while it is waiting for no answer is one batch."""

    def __init__(self, connection: OrderConnection) -> None:
        self._connection = connection
        self._batches = CallBatcher(self._send)

    def post(self, body: bytes) -> Awaitable[tuple[int, bytes]]:
        """Post an order with those that others post now; return what its own POST would be answered."""
        return self._batches.add(body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _send(self, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
        status, body = await self._connection.post(b'{"orders":[%b]}' % b",".join(bodies))
        if status not in (202, 207):
            return [(status, body)] * len(bodies)
        return [
            (202, orjson.dumps(result["order"]))
            if "order" in result
            else (result["problem"]["status"], orjson.dumps(result["problem"]))
            for result in orjson.loads(body)["results"]
        ]


async def open_connections(base_url: str, clients: int, batch: int) -> list[Connection]:
    """Return what each of the clients posts over: a connection of its own, or one that `batch` of them share.

    Raises UnreachableError when nothing listens at `base_url`.
    """
    if batch == 1:
        return [await OrderConnection.open(base_url) for _ in range(clients)]
    shared = [BatchConnection(await OrderConnection.open(base_url, BATCH_PATH)) for _ in range(0, clients, batch)]
    return [shared[number // batch] for number in range(clients)]


def read_answer(received: bytes) -> tuple[int, bytes] | BrokenAnswerError | None:
    """Return the status and body in `received`, None while they are not whole, or why they can't be read."""
    head, end, body = received.partition(_END_OF_HEAD)
    if not end:
        return None
    lower = head.lower()
    at = lower.find(_LENGTH)
    if at < 0:
        return BrokenAnswerError(f"an answer without a Content-Length: {head[:80]!r}")
    line_end = lower.find(b"\r\n", at)
    length = int(lower[at + len(_LENGTH) : line_end if line_end > 0 else None])
    if len(body) < length:
        return None
    return int(head[9:12]), body[:length]


def order_id_of(answer: tuple[int, bytes]) -> str | None:
    """Return the id of the order that `answer` accepted, or None when it accepted none."""
    status, body = answer
    if status != 202:
        return None
    return str(orjson.loads(body)["order_id"])
