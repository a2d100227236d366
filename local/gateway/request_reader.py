"""Reads HTTP/1.1 requests whole, within limits, and starts the application on them; refuses ambiguous ones.

uvicorn's protocol calls the application at the head, has no limits, and reads the body of a request that asks for an
upgrade as the next request (decision 0057, decision 0058).
"""

import asyncio
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from local.gateway import heads
from local.gateway.heads import RefusedError
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from orderflow.runtime.http.problems import problem
from orderflow.runtime.refusals import Refusals

MAX_PIPELINED = 100
"""How many requests a client may send before it has the answers to earlier ones."""
PIECE_BYTES = heads.MAX_HEAD_BYTES
"""Bytes that are read at a time; where a limit can't be counted exactly, it is counted in such pieces."""
MAX_WIRE_BYTES_PER_BODY_BYTE = 8
"""A body in chunks of one byte each takes six bytes a byte; extensions and trailers may take MAX_HEAD_BYTES more."""

_refusals: WeakKeyDictionary[asyncio.AbstractEventLoop, Refusals] = WeakKeyDictionary()
"""For all connections of an event loop together."""


class RequestReader(HttpToolsProtocol):
    """Starts the application on whole requests, one after the other.

    A request that is refused is the last of its connection: it is answered in its turn, and all bytes behind it are
    discarded.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refusal: Response | None = None
        self._body = bytearray()
        self._max_body_bytes = 0
        self._in_body = False
        self._stops_for_upgrade = False
        self._owes_continue = False
        self._keeps_alive = True
        self._head_bytes = 0
        self._boundaries = 0
        self._bytes_since_boundary = 0

    @property
    def is_answering(self) -> bool:
        """Whether a request was read whole whose answer has not been written."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data and self._refusal is None:
            data = self._read(data[:PIECE_BYTES]) + data[PIECE_BYTES:]

    def eof_received(self) -> bool:  # type: ignore[override]
        # The client may have sent all that it wants to, and wait for the answers.
        if self.is_answering:
            self.cycle.keep_alive = False
        return self.is_answering

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # The application keeps what it was given; the rest is freed now, not when this object is collected.
        self.headers, self._body = [], bytearray()
        self.scope = {}  # type: ignore[typeddict-item]

    def refuse(self, answer: Response, reason: str, detail: str) -> None:
        """Send `answer` once all requests before this one have been answered, and read no further."""
        self._refusal = answer
        self.note_refusal(reason, detail)
        if not self.is_answering:
            self.answer_refusal(answer)

    def note_refusal(self, reason: str, detail: str) -> None:
        """Log that a client was refused, or count it."""
        _refusals.setdefault(self.loop, Refusals("gateway")).note(reason, detail)

    def answer_refusal(self, answer: Response) -> None:
        """Write the last answer of this connection, and discard what the client sends until it has read that."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        body = b"" if self.parser.get_method() == b"HEAD" else bytes(answer.body)
        self.transport.write(b"".join([STATUS_LINE[answer.status_code], *lines, b"\r\n", body]))
        # Closing at once would reset the connection, and the answer be lost, while the client still sends.
        self.transport.write_eof()
        self.flow.resume_reading()

    def body_limit(self) -> int:
        """Return how many bytes of body the request may have whose head was read."""
        return MAX_BODY_BYTES

    def too_large_body(self) -> RefusedError:
        """Return the refusal of a request with more body."""
        detail = f"the body must be at most {self._max_body_bytes} bytes"
        return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    def head_is_read(self) -> None:
        """Called when a request's head was read; its body, if it has one, is due."""

    def request_is_read(self) -> None:
        """Called when a request was read whole."""

    def open_websocket(self, head: bytes, early: bytes) -> None:
        """Hand the connection to the WebSocket protocol, with a handshake's head and the bytes that came behind it."""
        raise NotImplementedError

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            # uvicorn would queue all that a client sends before it reads any answer.
            self.transport.close()
            detail = f"{MAX_PIPELINED} requests wait for the answers to those before them"
            raise RefusedError(HTTPStatus.BAD_REQUEST, detail)
        self._body = bytearray()
        self._in_body = self._stops_for_upgrade = self._owes_continue = False
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > heads.MAX_TARGET_BYTES:
            detail = f"the URL must be at most {heads.MAX_TARGET_BYTES} bytes"
            raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, detail)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + len(b": \r\n")
        if len(self.url) + self._head_bytes > heads.MAX_HEAD_BYTES:
            raise heads.too_large_head()
        if self._in_body:
            return  # a trailer, which must not be taken for a header
        if len(self.headers) >= heads.MAX_HEADERS:
            detail = f"a request has at most {heads.MAX_HEADERS} headers"
            raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        self._boundaries += 1
        if self.parser.should_upgrade():
            self._stops_for_upgrade = True  # the parser stops behind the head, even if a body follows
            return
        version = self.parser.get_http_version()
        length = heads.length_of_body(version, self.headers)
        path, raw_path, query = heads.follow_target(self.url, self.headers)
        self._max_body_bytes = self.body_limit()
        if (length or 0) > self._max_body_bytes:
            raise self.too_large_body()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = query
        self._keeps_alive = version != "1.0" and self.parser.should_keep_alive()
        self._in_body = True
        self._head_bytes = 0
        self._owes_continue = self.expect_100_continue and version == "1.1" and length != 0
        self._send_continue()
        self.head_is_read()

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > self._max_body_bytes:
            raise self.too_large_body()

    def on_message_complete(self) -> None:
        self._boundaries += 1
        if self._stops_for_upgrade:
            return
        self._in_body = self._owes_continue = False
        self.request_is_read()
        before, self.cycle = self.cycle, self._new_cycle()
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_answering:
            return
        if self._refusal is not None:
            self.answer_refusal(self._refusal)
        else:
            self._send_continue()

    def _read(self, piece: bytes) -> bytes:
        """Give the parser a piece; return the bytes that it has to read next."""
        boundaries = self._boundaries
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as stop:
            return self._upgrade(piece[stop.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse_for(error)
            return b""
        # The parser does not say where in a piece a message ended, so the bytes behind that are not counted.
        self._bytes_since_boundary = self._bytes_since_boundary + len(piece) if boundaries == self._boundaries else 0
        body_bytes = len(self._body) if self._in_body else 0
        if self._bytes_since_boundary > heads.MAX_HEAD_BYTES + body_bytes * MAX_WIRE_BYTES_PER_BODY_BYTE:
            self._refuse_for(heads.too_large_head())
        return b""

    def _upgrade(self, rest: bytes) -> bytes:
        """Open the WebSocket that was asked for; return a request for another upgrade without it, to be read again."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self._bytes_since_boundary = 0
        opens = self.ws_protocol_class is not None and heads.asks_for_websocket(method, version, self.headers)
        if method != b"CONNECT" and not opens:
            self.parser = httptools.HttpRequestParser(self)
            return heads.without_upgrade(method, self.url, version, self.headers) + rest
        try:
            head = self._handshake(method)
        except RefusedError as error:
            self._refuse_for(error)
        else:
            self.open_websocket(head, rest)
        return b""

    def _handshake(self, method: bytes) -> bytes:
        if method == b"CONNECT":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "this is no proxy")
        if self.is_answering:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a WebSocket's handshake comes behind an unanswered request")
        heads.check_handshake(self.headers)
        _, raw_path, query = heads.follow_target(self.url, self.headers)
        return heads.handshake(raw_path + b"?" + query if query else raw_path, self.headers)

    def _refuse_for(self, error: Exception) -> None:
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
        if isinstance(cause, httptools.HttpParserError):
            cause = RefusedError(HTTPStatus.BAD_REQUEST, f"this is not HTTP/1.1: {cause}")
        if not isinstance(cause, RefusedError):
            raise error
        self.refuse(problem(cause.status, str(cause)), cause.status.phrase, str(cause))

    def _send_continue(self) -> None:
        """Send 100 Continue, as soon as the client can't take that for the answer to an earlier request."""
        if self._owes_continue and not self.is_answering and not self.transport.is_closing():
            self._owes_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _new_cycle(self) -> RequestResponseCycle:
        message_event = asyncio.Event()
        message_event.set()
        cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=message_event,
            expect_100_continue=False,
            keep_alive=self._keeps_alive,
            on_response=self.on_response_complete,
        )
        cycle.body, cycle.more_body = self._body, False
        return cycle
