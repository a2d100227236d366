"""uvicorn's WebSocket protocol with time-outs, which uvicorn leaves to a proxy in front of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from local.gateway import time_outs
from local.gateway.timer import Timer

MAX_EARLY_BYTES = 256 * 1024
"""Bytes that are kept of a client that does not wait for the answer to its handshake: a message and more."""
_ANSWERS = ("websocket.accept", "websocket.http.response.start", "websocket.http.response.body")
"""The messages with which an application answers a handshake."""
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket, aborted when its handshake takes too long, or its client answers neither a ping nor a close frame.

    What comes before its handshake is answered is read after that, if it is opened. `on_lost` is called once the
    connection has ended.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_lost: Callable[[], None] | None = None
        self._handshake_timer = Timer(self._abort)
        self._write_timer = Timer(self._abort)
        self._refused = False
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._handshake_timer.start(self.loop, time_outs.HANDSHAKE_S)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # its client has not read the refusal yet
        if self.handshake_initiated and not self.handshake_complete:
            # Read now it would be answered before the handshake is, and an error of it in place of that.
            self._early += data
            if len(self._early) > MAX_EARLY_BYTES:
                self._abort()
            return
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # A handshake comes whole (RequestReader): the library can't read this one, and uvicorn would wait for more.
            self.transport.write(b"".join(self.conn.data_to_send()) or UNREADABLE)
            self.transport.close()

    def handle_parser_exception(self) -> None:
        self._refused = self.close_sent = True
        if (close := self.conn.close_sent) is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        # uvicorn closes at once: that resets the connection, and the code is lost, while the client still sends.
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(time_outs.REFUSAL_S, self._abort)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def handle_ping(self) -> None:
        if not self._refused:  # the answer to one that came with it is written already
            super().handle_ping()

    async def send(self, message: Any) -> None:
        try:
            await super().send(message)
        except ClientDisconnected:
            if message["type"] not in _ANSWERS:
                raise
            return  # nobody waits for it any more, which is no fault; what the application receives next says so
        if message["type"] == "websocket.accept":
            self._handshake_timer.cancel()
            early, self._early = self._early, b""
            if early:
                self.data_received(early)
        if message["type"] == "websocket.http.response.body":
            # The upgrade was answered with a response; without this uvicorn would log that no handshake was completed.
            self.handshake_complete = True

    def pause_writing(self) -> None:
        self._write_timer.start(self.loop, time_outs.WRITE_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._write_timer.cancel()
        super().resume_writing()

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        if self.close_sent or self.transport.is_closing():
            self._write_timer.start(self.loop, time_outs.CLOSE_S)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # It is being closed: the rest has this long to be written.
        self._write_timer.start(self.loop, time_outs.CLOSE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._handshake_timer.cancel()
        self._write_timer.cancel()
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self.transport.abort()
