"""Watches orders over one WebSocket: order ids out, the end of each and its statuses' order in.

With a general client an order and its five statuses cost the bench 128 µs of processor time, with this one 103; and
it watches any number of orders on a socket without a task for each.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import msgspec

from local.client.access import key_head
from local.client.api import EXECUTE_PATH, RefusedUpgradeError
from local.client.status_socket import FULL_COURSE, TERMINAL_STATUSES
from tests.harness.bench.posting import connect

NEVER_ENDED = "never ended"
_END_OF_HEAD = b"\r\n\r\n"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
# A client must mask what it sends; a key of zeros leaves it as it is.
_MASK = b"\0\0\0\0"
_NORMAL_CLOSURE = (1000).to_bytes(2)


class _Status(msgspec.Struct, frozen=True):
    """The fields of a frame that matter here."""

    order_id: str | None = None
    status: str = ""
    sequence: int = 0
    error: str = ""


_decode = msgspec.json.Decoder(_Status).decode


@dataclass(slots=True, eq=False)
class Watch:
    """One order on a socket: how many statuses came in their places, how many it should have, and how it ended."""

    order_id: str
    ended: asyncio.Future[None]
    in_order: int = 0
    expected: int = len(FULL_COURSE)
    ending: str = ""
    ended_at: float = field(default=0.0)


class StatusConnection(asyncio.Protocol):
    """One socket on which orders are watched; `note` is called with each watch that ends.

    With `orders` it is closed when so many have been watched or released. While it is open it is one of `open_ones`.
    """

    def __init__(
        self,
        host: str,
        note: Callable[[Watch], None],
        open_ones: set["StatusConnection"],
        orders: int | None = None,
    ) -> None:
        self._host = host
        self._note = note
        self._open_ones = open_ones
        self._left = orders
        self._loop = asyncio.get_running_loop()
        self._upgraded: asyncio.Future[None] = self._loop.create_future()
        self._received = b""
        self._watched: dict[str, Watch] = {}
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def open(
        cls,
        base_url: str,
        note: Callable[[Watch], None],
        open_ones: set["StatusConnection"],
        orders: int | None = None,
    ) -> "StatusConnection":
        """Connect to `base_url` and upgrade.

        Raises UnreachableError when nothing listens there, and RefusedUpgradeError for any answer but 101.
        """
        connection = await connect(base_url, lambda host: cls(host, note, open_ones, orders))
        await connection._upgraded
        return connection

    def watch(self, order_id: str) -> Watch:
        """Ask for the statuses of an order and return its watch; one on a broken socket has ended already."""
        watch = Watch(order_id, self._loop.create_future())
        if self._transport is None or self._transport.is_closing():
            self._end(watch, NEVER_ENDED)
        else:
            self._watched[order_id] = watch
            self._transport.write(frame(_TEXT, order_id.encode()))
        return watch

    def release(self) -> None:
        """Count one of the orders that this socket is for as over."""
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.close()

    def give_up(self) -> None:
        """End every watch whose order has not ended."""
        watched, self._watched = self._watched, {}
        for watch in watched.values():
            self._end(watch, NEVER_ENDED)

    def close(self) -> None:
        """Close the socket in order."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(_CLOSE, _NORMAL_CLOSURE))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TCP transports have the methods of WriteTransport without being of its type.
        self._transport = cast("asyncio.WriteTransport", transport)
        self._open_ones.add(self)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {EXECUTE_PATH} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{key_head()}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if not self._upgraded.done():
            head, end, self._received = self._received.partition(_END_OF_HEAD)
            if not end:
                self._received = head
                return
            status_line = head.split(b"\r\n", 1)[0]
            if b" 101 " not in status_line:
                self._upgraded.set_exception(RefusedUpgradeError(f"the upgrade was answered with {status_line!r}"))
                return
            self._upgraded.set_result(None)
        frames, read = whole_frames(self._received)
        self._received = self._received[read:]
        for opcode, content in frames:
            self._take(opcode, content)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._upgraded.done():
            self._upgraded.set_exception(RefusedUpgradeError(f"the connection ended before the upgrade: {error}"))
        self._open_ones.discard(self)
        self.give_up()

    def _take(self, opcode: int, content: bytes) -> None:
        if opcode == _TEXT:
            self._take_status(_decode(content))
        elif opcode == _PING and self._transport is not None:
            self._transport.write(frame(_PONG, content))
        elif opcode == _CLOSE and self._transport is not None:
            self._transport.close()

    def _take_status(self, said: _Status) -> None:
        watch = self._watched.get(said.order_id or "")
        if watch is None:
            return
        if said.sequence == watch.in_order + 1:
            watch.in_order += 1
        if said.status in TERMINAL_STATUSES:
            watch.expected = len(FULL_COURSE) if said.status == "confirmed" else said.sequence
            self._end(watch, said.status)
        elif said.error:
            self._end(watch, said.error)
        else:
            return
        del self._watched[watch.order_id]
        self.release()

    def _end(self, watch: Watch, ending: str) -> None:
        watch.ending, watch.ended_at = ending, time.perf_counter()
        if not watch.ended.done():
            watch.ended.set_result(None)
        self._note(watch)


class Sockets:
    """Lends sockets to clients: one for ever, or each for so many orders, after whose ends it is closed."""

    def __init__(self, base_url: str, note: Callable[[Watch], None], orders_each: int | None = None) -> None:
        self._base_url = base_url
        self._note = note
        self._orders_each = orders_each
        self._lent = 0
        self._current: asyncio.Task[StatusConnection] | None = None
        self._open_ones: set[StatusConnection] = set()

    async def take(self) -> StatusConnection:
        """Return the socket for the next order; raises as StatusConnection.open does.

        An order that is not watched then is to be released.
        """
        if self._current is None or self._lent == self._orders_each:
            opening = StatusConnection.open(self._base_url, self._note, self._open_ones, self._orders_each)
            self._current, self._lent = asyncio.create_task(opening), 0
        self._lent += 1
        return await asyncio.shield(self._current)

    def give_up(self) -> None:
        """End every watch whose order has not ended."""
        for connection in list(self._open_ones):
            connection.give_up()

    def close(self) -> None:
        """Close all sockets."""
        for connection in list(self._open_ones):
            connection.close()


def frame(opcode: int, content: bytes) -> bytes:
    """Return a client's frame; `content` has at most 125 bytes."""
    return bytes((_FINAL | opcode, _MASKED | len(content))) + _MASK + content


def whole_frames(received: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Return the opcodes and contents of the server's frames that are whole, and how many bytes they take."""
    frames: list[tuple[int, bytes]] = []
    start, end = 0, len(received)
    while end - start >= 2:
        length, at = received[start + 1], start + 2
        if length >= 126:
            size_of_length = 2 if length == 126 else 8
            length, at = int.from_bytes(received[at : at + size_of_length]), at + size_of_length
        if at + length > end:
            break
        frames.append((received[start] & 0x0F, received[at : at + length]))
        start = at + length
    return frames, start
