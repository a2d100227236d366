"""uvicorn's HTTP and WebSocket protocols, which here wait for no client without end.

uvicorn leaves that to a proxy in front. Closing a connection in order, as it does, first writes what is left, which
never ends with a client that reads nothing: such a connection is aborted.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REQUEST_S = 20.0
"""How long a client may take to send a request, from connecting or its first byte to its last."""
STALLED_S = 20.0
"""How long a client may leave unread so much that the write buffer (64 KiB) stays full."""
CLOSING_S = 10.0
"""How long a WebSocket that is being closed may go on taking what is left for it."""
MAX_PIPELINED = 100
"""How many requests a client may send ahead of the answers to those before."""
PING_INTERVAL_S, PING_TIMEOUT_S = 20.0, 20.0
"""A peer that has gone without a word, its network too, is noticed after the two together at the latest, and is let go
of CLOSING_S after that if something is left to write."""


class Alarm:
    """Something to be done later unless it is called off."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._timer: asyncio.TimerHandle | None = None

    def set(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Act in so many seconds, unless that is set already."""
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._act)

    def call_off(self) -> None:
        """Do not act."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1, aborted when a request or the reading of an answer takes too long."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._request_alarm = Alarm(self._abort)
        self._stalled_alarm = Alarm(self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._request_alarm.set(self.loop, REQUEST_S)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            # uvicorn would queue all that a client sends before it reads any answer; this has it answer 400.
            raise ValueError(f"{MAX_PIPELINED} requests wait for the answers to those before them")
        self._request_alarm.set(self.loop, REQUEST_S)
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._request_alarm.call_off()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        # From here on the connection is the other protocol's.
        self._request_alarm.call_off()
        self._stalled_alarm.call_off()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        self._stalled_alarm.set(self.loop, STALLED_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_alarm.call_off()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._abort()  # it has not read its last answer either
        super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_alarm.call_off()
        self._stalled_alarm.call_off()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self.transport.abort()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket, aborted when its client reads nothing, or answers neither a ping nor the closing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stalled_alarm = Alarm(self._abort)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # An upgrade that was answered with something else: uvicorn would call it an error that none was made.
            self.handshake_complete = True

    def pause_writing(self) -> None:
        self._stalled_alarm.set(self.loop, STALLED_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_alarm.call_off()
        super().resume_writing()

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        if self.close_sent or self.transport.is_closing():
            self._stalled_alarm.set(self.loop, CLOSING_S)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # It closes, or did so before: what is left to write has a last chance.
        self._stalled_alarm.set(self.loop, CLOSING_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalled_alarm.call_off()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self.transport.abort()
