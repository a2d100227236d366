"""Tickets: a caller's request in, a ticket that opens one socket of its out."""

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import Request, Response

from orderflow.adapters.tickets import KEEP_S
from orderflow.domain.order import iso_timestamp
from orderflow.runtime import async_clients, clock
from orderflow.runtime.access import context_of
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer, document_answers
from orderflow.runtime.http.query import KNOWN_QUERY
from orderflow.runtime.http.responses import json_response

_NOT_KEPT = {"cache-control": "no-store"}


class SocketTicket(msgspec.Struct, frozen=True):
    """A ticket, and until when it can be used."""

    ticket: str
    expires_at: str


_EXAMPLE = {"ticket": "mJ1f0R3uV8kq2y6cQ5tE7bXwZ9hLpA4sNdGoUiYjKxM", "expires_at": "2026-11-22T18:14:31.123Z"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CREATED.value: answer(SocketTicket, "The ticket", example=_EXAMPLE)
}

app = http_app("issue_ticket", {"POST": "read"})
document_answers(app, SocketTicket)


@app.post("/api/sockets/tickets", status_code=HTTPStatus.CREATED, dependencies=KNOWN_QUERY, responses=RESPONSES)
async def issue_ticket(request: Request) -> Response:
    """Return a ticket that opens one WebSocket within 30 seconds: `wss://…/api/orders/status?ticket=…`.

    For pages in browsers, which can send no header with a WebSocket's handshake. The socket is the caller's, as if it
    had been opened with the caller's key, which has no place in an address.
    """
    ticket = await async_clients.tickets().issue(context_of(caller(request)))
    expires_at = iso_timestamp(clock.now_ms() + KEEP_S * 1000)
    return json_response(SocketTicket(ticket, expires_at), HTTPStatus.CREATED, _NOT_KEPT)
