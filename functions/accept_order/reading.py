"""The reading side of the HTTP API: orders, quotes, tokens and health, from Redis and the ledger."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from functions.accept_order.documentation import answer, order_in_query
from functions.accept_order.health import OK, UNAVAILABLE, Health
from functions.accept_order.order_input import read_client_order_id, read_order
from functions.accept_order.order_view import (
    OrderDetails,
    OrderPage,
    Quote,
    TokenList,
    details_of,
    details_of_row,
    json_response,
    quote_of,
    summary_of_row,
    tokens_at,
)
from functions.accept_order.problems import ProblemError, invalid, shown
from functions.accept_order.query import known_query, read_query
from orderflow.adapters.ledger import OrderFilter
from orderflow.domain.amounts import to_units
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, Token, find_token
from orderflow.errors import RejectedError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.lately import Lately

MOST_OFFSET = timedelta(hours=14)
"""No clock on Earth is further from UTC."""
UNKNOWN_S, MAX_UNKNOWN = 1.0, 10_000

router = APIRouter()
KNOWN_QUERY = [Depends(known_query)]
# What even the ledger does not know, and need not be asked again at once. An order is sought in Redis first, where it
# is from its beginning on, so that none is taken for unknown after it was created.
_unknown = async_clients.once_per_loop(lambda: Lately(UNKNOWN_S, MAX_UNKNOWN))
_health = async_clients.once_per_loop(Health)
_UUID = re.compile(
    r"(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE | re.ASCII
)


@router.get("/api/orders", dependencies=KNOWN_QUERY, responses={200: answer(OrderPage, "a page of orders")})
async def list_orders(
    status: Annotated[str | None, Query(description="one of the six statuses")] = None,
    token_in: str | None = None,
    token_out: str | None = None,
    client_order_id: Annotated[str | None, Query(description="the client's own name for the order")] = None,
    limit: str = "50",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """List orders from the ledger, the newest first."""
    if status is not None and status not in list(Status):
        raise invalid("status", f"must be one of {', '.join(Status)}")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= 200):
        raise invalid("limit", "must be from 1 to 200")
    wanted = OrderFilter(
        limit=int(limit) + 1,
        status=status,
        token_in=_symbol("token_in", token_in),
        token_out=_symbol("token_out", token_out),
        client_order_id=_client_order_id(client_order_id),
        before=_decode_cursor(cursor) if cursor else None,
    )
    rows = await async_clients.reads().run(lambda: clients.ledger().find_all(wanted))
    page = rows[: int(limit)]
    more = len(rows) > len(page)
    next_cursor = _encode_cursor(page[-1].created_at.isoformat(), page[-1].order_id) if more else None
    return json_response(OrderPage([summary_of_row(row) for row in page], next_cursor))


@router.get("/api/orders/{order_id}", dependencies=KNOWN_QUERY, responses={200: answer(OrderDetails, "the order")})
async def get_order(order_id: str) -> Response:
    """Return an order with its route, fills and history: from Redis while it is there, else from the ledger."""
    known_as = _read_order_id(order_id)
    if known_as is not None:
        unknown = _unknown()
        in_ledger = known_as not in unknown
        answer = await async_clients.reads().run(_find_order, known_as, in_ledger)
        if answer is not None:
            return answer
        if in_ledger:
            unknown.note(known_as)
    raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {shown(order_id)}")


def _find_order(order_id: str, in_ledger: bool) -> Response | None:
    found = clients.orders().find(order_id)
    if found is not None:
        return json_response(details_of(*found))
    ledger = clients.ledger()
    row = ledger.find(order_id) if in_ledger else None
    if row is None:
        return None
    return json_response(details_of_row(row, ledger.fills(order_id), ledger.history(order_id)))


@router.get(
    "/api/quote",
    openapi_extra=order_in_query(),
    responses={200: answer(Quote, "what the order would yield now")},
)
async def quote(request: Request) -> Response:
    """Return the route that an order (the same fields, in the query) would take now, and what it would yield."""
    wanted = read_order({"order_type": "market"} | read_query(request), text_is_a_number=True).request()
    [quoted] = await async_clients.quoting().run(lambda: clients.venue().quote([wanted], indicative=True))
    if isinstance(quoted, RejectedError):
        raise invalid("amount", str(quoted)) from quoted
    return json_response(quote_of(wanted, quoted.route))


@router.get("/api/tokens", dependencies=KNOWN_QUERY, responses={200: answer(TokenList, "the tokens")})
async def list_tokens() -> Response:
    """List the tokens that can be traded."""
    return json_response(tokens_at(clients.venue().reference_prices()))


@router.get("/health")
async def health() -> Response:
    """Say whether Redis takes writes and Postgres answers; 503 when one does not."""
    state = await _health().state()
    healthy = all(answer == OK for answer in state.values())
    return json_response({"status": OK if healthy else UNAVAILABLE, **state}, 200 if healthy else 503)


def _symbol(field: str, name: str | None) -> str | None:
    if name is None:
        return None
    token = find_token(name)
    if token is None:
        raise invalid(field, f"must be one of {', '.join(TOKENS)}, or the mint of one")
    return token.symbol


def _client_order_id(text: str | None) -> str | None:
    try:
        return None if text is None else read_client_order_id(text)
    except ValueError as error:
        raise invalid("client_order_id", str(error)) from error


def _encode_cursor(created_at: str, order_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created_at} {order_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, str]:
    try:
        created_at, written_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        at = datetime.fromisoformat(created_at)
        # Written anew, in UTC: Python reads forms and offsets that Postgres does not. Without an offset it is UTC.
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        order_id = _read_order_id(written_id)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise invalid("cursor", "must be the next_cursor of a page") from error
    if order_id is None or abs(at.utcoffset() or timedelta()) > MOST_OFFSET:
        raise invalid("cursor", "must be the next_cursor of a page")
    return utc.isoformat(), order_id


def _read_order_id(text: str) -> str | None:
    """Return an order's id in the one form in which it is kept, or None when `text` is none."""
    return str(UUID(text)) if _UUID.fullmatch(text) else None


def _units(atoms: int, token: Token) -> str:
    return f"{to_units(atoms, token):f}"
