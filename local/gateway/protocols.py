"""uvicorn's HTTP and WebSocket protocols, which here wait for no client without end, and are open to so many.

uvicorn leaves that to a proxy in front. Closing a connection in order, as it does, first writes what is left, which
never ends with a client that reads nothing: such a connection is aborted.
"""

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from functions.accept_order.problems import overloaded, problem
from local.gateway.alarm import Alarm
from local.gateway.connection_limits import ConnectionLimits
from local.gateway.heads import RefusedError, values_of
from local.gateway.request_reader import RequestReader
from orderflow.adapters.sockets import MAX_BATCH_BYTES, SECRET_HEADER

REQUEST_S = 20.0
"""How long a client may take to send a request's head, from connecting or its first byte to its last."""
BODY_S = 5.0
"""How long a client may take to send the body that belongs to it."""
HANDSHAKE_S = 10.0
"""How long it may take from a WebSocket's handshake to its answer."""
STALLED_S = 20.0
"""How long a client may leave unread so much that the write buffer (64 KiB) stays full."""
CLOSING_S = 10.0
"""How long a WebSocket that is being closed may go on taking what is left for it."""
REFUSED_S = 2.0
"""How long a client that was refused may go on sending before it has read so."""
PING_INTERVAL_S, PING_TIMEOUT_S = 20.0, 20.0
"""A peer that has gone without a word, its network too, is noticed after the two together at the latest, and is let go
of CLOSING_S after that if something is left to write."""
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class HttpProtocol(RequestReader):
    """HTTP/1.1, ended when a request or the reading of an answer takes too long, or there are too many connections."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._leave: Callable[[], None] | None = None
        self._beyond: str | None = None
        self._request_alarm = Alarm(self._give_up_request)
        self._stalled_alarm = Alarm(self._abort)
        self._refused_alarm = Alarm(self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._enter()
        self._request_alarm.set(self.loop, REQUEST_S if self._beyond is None else REFUSED_S)

    def data_received(self, data: bytes) -> None:
        if self._beyond is not None and self._refusal is None:
            # Only now: some clients take an answer that comes before their request for a broken connection.
            self.refuse(overloaded(self._beyond), self._beyond, self._address)
        if self._refusal is None and not self.is_answering:
            self._request_alarm.set(self.loop, REQUEST_S)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._request_alarm.set(self.loop, REQUEST_S)
        super().on_message_begin()

    def head_is_read(self) -> None:
        self._request_alarm.cancel()
        self._request_alarm.set(self.loop, BODY_S)

    def request_is_read(self) -> None:
        self._request_alarm.cancel()

    def refuse(self, answer: Response, reason: str, detail: str) -> None:
        self._request_alarm.cancel()
        super().refuse(answer, reason, detail)

    def answer_refusal(self, answer: Response) -> None:
        self._refused_alarm.set(self.loop, REFUSED_S)
        super().answer_refusal(answer)

    def open_websocket(self, head: bytes, early: bytes) -> None:
        self._call_off_alarms()
        self.connections.discard(self)
        protocol = self.ws_protocol_class(  # type: ignore[call-arg, misc]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        if isinstance(protocol, WebSocketProtocol):
            protocol.on_lost, self._leave = self._leave, None
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(head)
        if early:
            protocol.data_received(early)

    def pause_writing(self) -> None:
        self._stalled_alarm.set(self.loop, STALLED_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_alarm.cancel()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._abort()  # it has not read its last answer either
        super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        self._call_off_alarms()
        if self._leave is not None:
            self._leave()
        super().connection_lost(exc)

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _enter(self) -> None:
        """Take one of the places that there are for connections, or note the limit that this one is beyond."""
        if self._limits is None:
            return
        limits, address = self._limits, self._address
        self._beyond = limits.enter(address)
        if self._beyond is None:
            self._leave = lambda: limits.leave(address)
        elif limits.turn_away():
            self._leave = limits.turned_away
        else:
            self.note_refusal(self._beyond, address)
            self._abort()

    def _give_up_request(self) -> None:
        if self.is_answering:
            # It is the client that waits, and reading may have been paused for that.
            self._request_alarm.set(self.loop, BODY_S)
        elif self._in_body:
            detail = f"the body did not come within {BODY_S:g} s"
            self.refuse(problem(HTTPStatus.REQUEST_TIMEOUT, detail), HTTPStatus.REQUEST_TIMEOUT.phrase, detail)
        else:
            self._abort()

    def _call_off_alarms(self) -> None:
        for alarm in (self._request_alarm, self._stalled_alarm, self._refused_alarm):
            alarm.cancel()

    def _abort(self) -> None:
        self.transport.abort()


class ManagementProtocol(HttpProtocol):
    """The same for the management API, whose batches are large, though only from callers with the secret."""

    def __init__(self, *arguments: Any, secret: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._secret = secret.encode()

    def body_limit(self) -> int:
        return MAX_BATCH_BYTES if self._knows_secret() else super().body_limit()

    def too_large_body(self) -> RefusedError:
        return super().too_large_body() if self._knows_secret() else RefusedError(HTTPStatus.FORBIDDEN, "Forbidden")

    def _knows_secret(self) -> bool:
        given = values_of(self.headers, SECRET_HEADER.encode())
        return len(given) == 1 and hmac.compare_digest(given[0], self._secret)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket, aborted when its handshake takes too long, or its client answers neither a ping nor the closing.

    `on_lost` is called once the connection has ended.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_lost: Callable[[], None] | None = None
        self._handshake_alarm = Alarm(self._abort)
        self._stalled_alarm = Alarm(self._abort)
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._handshake_alarm.set(self.loop, HANDSHAKE_S)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # its client has not read so yet
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # A handshake comes whole, so this is one that the library can't read. uvicorn would wait for more of it.
            self.transport.write(b"".join(self.conn.data_to_send()) or UNREADABLE)
            self.transport.close()

    def handle_parser_exception(self) -> None:
        if not self.handshake_complete:
            super().handle_parser_exception()  # the application may still accept it, which writes
            return
        self._refused = self.close_sent = True
        if (close := self.conn.close_sent) is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        # uvicorn closes at once: that resets the connection, and the code is lost, while the client still sends.
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(REFUSED_S, self._abort)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def handle_ping(self) -> None:
        if not self._refused:  # the answer to one that came with it is written already
            super().handle_ping()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._handshake_alarm.cancel()
        if message["type"] == "websocket.http.response.body":
            # An upgrade that was answered with something else: uvicorn would call it an error that none was made.
            self.handshake_complete = True

    def pause_writing(self) -> None:
        self._stalled_alarm.set(self.loop, STALLED_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_alarm.cancel()
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
        self._handshake_alarm.cancel()
        self._stalled_alarm.cancel()
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self.transport.abort()
