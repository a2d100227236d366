"""Orders, read: a page of them from the ledger, one from Redis or the ledger."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from functions.read_orders.cursor import decode_cursor, encode_cursor, read_order_id
from functions.read_orders.order_view import OrderDetails, OrderPage, details_of, details_of_row, summary_of_row
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, find_token
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.order_fields import read_client_order_id
from orderflow.runtime.http.problems import ProblemError, invalid, shown
from orderflow.runtime.http.query import KNOWN_QUERY
from orderflow.runtime.http.responses import json_response
from orderflow.runtime.lately import Lately

UNKNOWN_S, MAX_UNKNOWN = 1.0, 10_000

router = APIRouter()
# What even the ledger does not know, and need not be asked again at once. An order is sought in Redis first, where it
# is from its beginning on, so that none is taken for unknown after it was created.
_unknown = async_clients.once_per_loop(lambda: Lately(UNKNOWN_S, MAX_UNKNOWN))


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
        before=decode_cursor(cursor) if cursor else None,
    )
    rows = await async_clients.reads().run(lambda: clients.ledger().find_all(wanted))
    page = rows[: int(limit)]
    more = len(rows) > len(page)
    next_cursor = encode_cursor(page[-1].created_at.isoformat(), page[-1].order_id) if more else None
    return json_response(OrderPage([summary_of_row(row) for row in page], next_cursor))


@router.get("/api/orders/{order_id}", dependencies=KNOWN_QUERY, responses={200: answer(OrderDetails, "the order")})
async def get_order(order_id: str) -> Response:
    """Return an order with its route, fills and history: from Redis while it is there, else from the ledger."""
    known_as = read_order_id(order_id)
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
