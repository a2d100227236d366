"""One WebSocket of the API as a client sees it: subscriptions in, timed frames out."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from orderflow.domain.lifecycle import COURSE, TERMINAL
from orderflow.errors import OrderflowError

TERMINAL_STATUSES = frozenset(map(str, TERMINAL))
FULL_COURSE = tuple(map(str, COURSE))

_CLOSING = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class SocketClosedError(OrderflowError):
    """The other side closed the socket, or the connection broke."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the socket was closed with code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Handshake:
    """The upgrade as it really went over the wire, but for the key, which is in no report."""

    path: str
    request_headers: Mapping[str, str]
    status: int
    response_headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """A JSON frame from the server; `received_at` is on the clock of `time.perf_counter`."""

    content: dict[str, Any]
    received_at: float

    @property
    def order_id(self) -> str | None:
        return self.content.get("order_id")

    @property
    def status(self) -> str | None:
        return self.content.get("status")

    @property
    def is_last(self) -> bool:
        """Whether nothing follows for this order: it ended, or is not known at all."""
        return self.status in TERMINAL_STATUSES or "error" in self.content


class StatusSocket:
    """An open socket; one task at a time may read from it."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, handshake: Handshake) -> None:
        self._websocket = websocket
        self.handshake = handshake

    async def subscribe(self, order_id: str, as_json: bool = False) -> None:
        """Ask for every status of `order_id`, past and coming, as plain text or as the JSON action."""
        await self.send_text(_action("subscribe", order_id) if as_json else order_id)

    async def unsubscribe(self, order_id: str) -> None:
        """Ask for no more statuses of `order_id`."""
        await self.send_text(_action("unsubscribe", order_id))

    async def ping(self) -> None:
        """Send the API's own ping, which is answered with {"action": "pong"}."""
        await self.send_text('{"action":"ping"}')

    async def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        await self._send(self._websocket.send_str(text))

    async def send_bytes(self, content: bytes) -> None:
        """Send a binary frame."""
        await self._send(self._websocket.send_bytes(content))

    async def _send(self, sending: Any) -> None:
        try:
            await sending
        except (aiohttp.ClientError, ConnectionError) as e:
            raise SocketClosedError(self._websocket.close_code) from e

    async def receive(self, timeout_s: float | None = None) -> Frame:
        """Return the next frame.

        Raises TimeoutError after `timeout_s`, leaving the socket as it was, and SocketClosedError at its end.
        """
        message = await self._websocket.receive(timeout=timeout_s)
        received_at = time.perf_counter()
        if message.type in _CLOSING:
            raise SocketClosedError(self._websocket.close_code)
        return Frame(orjson.loads(message.data), received_at)

    async def follow(self, order_id: str, timeout_s: float) -> AsyncIterator[Frame]:
        """Yield the frames of `order_id` up to its last; raises TimeoutError when that takes over `timeout_s`."""
        deadline = time.perf_counter() + timeout_s
        while True:
            frame = await self.receive(max(deadline - time.perf_counter(), 0.001))
            if frame.order_id == order_id:
                yield frame
                if frame.is_last:
                    return

    async def collect(self, orders: int, timeout_s: float) -> dict[str, list[Frame]]:
        """Read until `orders` different orders had their last frame; return the frames by order, as they came.

        Stops after `timeout_s` or at the end of the socket, with the frames that have come by then.
        """
        frames: dict[str, list[Frame]] = {}
        ended: set[str] = set()
        deadline = time.perf_counter() + timeout_s
        while len(ended) < orders:
            try:
                frame = await self.receive(max(deadline - time.perf_counter(), 0.001))
            except (TimeoutError, SocketClosedError):
                break
            order_id = frame.order_id or ""
            frames.setdefault(order_id, []).append(frame)
            if frame.is_last:
                ended.add(order_id)
        return frames

    def drop(self) -> None:
        """Break the connection as a lost network does: no close frame, no goodbye."""
        connection = self._websocket.get_extra_info("socket")
        connection.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Close the socket in order, or without the other side when that no longer answers."""
        try:
            await asyncio.wait_for(self._websocket.close(), timeout=2)
        except (TimeoutError, OSError, aiohttp.ClientError):
            return


def _action(action: str, order_id: str) -> str:
    return orjson.dumps({"action": action, "order_id": order_id}).decode()
