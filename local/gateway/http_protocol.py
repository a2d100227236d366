"""uvicorn's HTTP protocol with time-outs and connection limits, which uvicorn leaves to a proxy in front of it.

uvicorn closes a connection in order: it first writes the rest, which never ends with a client that reads nothing. Such
a connection is aborted here.
"""

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from local.gateway import time_outs
from local.gateway.connection_limits import ConnectionLimits
from local.gateway.heads import RefusedError, values_of
from local.gateway.request_reader import RequestReader
from local.gateway.timer import Timer
from local.gateway.websocket_protocol import WebSocketProtocol
from orderflow.adapters.sockets import MAX_BATCH_BYTES, SECRET_HEADER
from orderflow.runtime.http.problems import overloaded, problem


class HttpProtocol(RequestReader):
    """HTTP/1.1. A connection ends when it is beyond the limits, or its client takes too long to send or to read."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._release: Callable[[], None] | None = None
        self._exceeded_limit: str | None = None
        self._request_timer = Timer(self._request_timed_out)
        self._write_timer = Timer(self._abort)
        self._refusal_timer = Timer(self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._acquire()
        seconds = time_outs.REQUEST_S if self._exceeded_limit is None else time_outs.REFUSAL_S
        self._request_timer.start(self.loop, seconds)

    def data_received(self, data: bytes) -> None:
        if self._exceeded_limit is not None and self._refusal is None:
            # Only now: some clients take an answer that comes before their request for a broken connection.
            self.refuse(overloaded(self._exceeded_limit), self._exceeded_limit, self._address)
        if self._refusal is None and not self.is_answering:
            self._request_timer.start(self.loop, time_outs.REQUEST_S)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._request_timer.start(self.loop, time_outs.REQUEST_S)
        super().on_message_begin()

    def head_is_read(self) -> None:
        self._request_timer.cancel()
        self._request_timer.start(self.loop, time_outs.BODY_S)

    def request_is_read(self) -> None:
        self._request_timer.cancel()

    def refuse(self, answer: Response, reason: str, detail: str) -> None:
        self._request_timer.cancel()
        super().refuse(answer, reason, detail)

    def answer_refusal(self, answer: Response) -> None:
        self._refusal_timer.start(self.loop, time_outs.REFUSAL_S)
        super().answer_refusal(answer)

    def open_websocket(self, head: bytes, early: bytes) -> None:
        self._cancel_timers()
        self.connections.discard(self)
        protocol = self.ws_protocol_class(  # type: ignore[call-arg, misc]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        if isinstance(protocol, WebSocketProtocol):
            protocol.on_lost, self._release = self._release, None
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(head)
        if early:
            protocol.data_received(early)

    def pause_writing(self) -> None:
        self._write_timer.start(self.loop, time_outs.WRITE_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._write_timer.cancel()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._abort()  # it has not read its last answer either
        super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timers()
        if self._release is not None:
            self._release()
        super().connection_lost(exc)

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _acquire(self) -> None:
        """Count this connection, or keep the limit that it exceeds; abort it where too many are refused already."""
        if self._limits is None:
            return
        limits, address = self._limits, self._address
        self._exceeded_limit = limits.acquire(address)
        if self._exceeded_limit is None:
            self._release = lambda: limits.release(address)
        elif limits.acquire_refusal():
            self._release = limits.release_refusal
        else:
            self.note_refusal(self._exceeded_limit, address)
            self._abort()

    def _request_timed_out(self) -> None:
        if self.is_answering:
            # The client waits for an answer, and reading may have been paused for that.
            self._request_timer.start(self.loop, time_outs.BODY_S)
        elif self._in_body:
            detail = f"the body did not come within {time_outs.BODY_S:g} s"
            self.refuse(problem(HTTPStatus.REQUEST_TIMEOUT, detail), HTTPStatus.REQUEST_TIMEOUT.phrase, detail)
        else:
            self._abort()

    def _cancel_timers(self) -> None:
        for timer in (self._request_timer, self._write_timer, self._refusal_timer):
            timer.cancel()

    def _abort(self) -> None:
        self.transport.abort()


class ManagementProtocol(HttpProtocol):
    """The same for the management API, which takes large batches from callers with the secret only."""

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
