"""Orders, listed: filters in the query in, a page of orders of the ledger out."""

from collections.abc import Collection
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response

from functions.read_orders.cursor import decode_cursor, encode_cursor
from functions.read_orders.examples import PAGE
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.domain.order import OrderType
from orderflow.domain.status import Status
from orderflow.domain.tokens import find_token
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.launched_tokens import Launched, find_launched
from orderflow.runtime.http.order_fields import NO_TOKEN, read_client_order_id
from orderflow.runtime.http.order_id import read_order_id
from orderflow.runtime.http.order_view import OrderPage, order_of, summary_of
from orderflow.runtime.http.problems import invalid
from orderflow.runtime.http.query import KNOWN_QUERY, read_limit
from orderflow.runtime.http.responses import json_response

MOST_LISTED = 200
STATUSES, ORDER_TYPES = tuple(map(str, Status)), get_args(OrderType)

router = APIRouter()


@router.get(
    "/api/orders",
    dependencies=KNOWN_QUERY,
    responses={
        200: answer(OrderPage, "a page of orders", example=PAGE),
        400: {"description": "a filter that can't be used; `errors` names it and its rule"},
    },
)
async def list_orders(
    request: Request,
    status: Annotated[str | None, Query(description=f"one of {', '.join(STATUSES)}")] = None,
    order_type: Annotated[str | None, Query(description=f"one of {', '.join(ORDER_TYPES)}")] = None,
    open_: Annotated[str | None, Query(alias="open", description="`true`: only orders that have not ended")] = None,
    parent_id: Annotated[str | None, Query(description="the order that made them, as its slices or exits")] = None,
    token_in: str | None = None,
    token_out: str | None = None,
    client_order_id: Annotated[str | None, Query(description="the client's own name for the order")] = None,
    limit: str = "50",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """List the account's orders from the ledger, the newest first: those that all the filters admit."""
    most = read_limit(limit, MOST_LISTED)
    account = caller(request).account
    launched = await find_launched([{"token_in": token_in, "token_out": token_out}], account)
    wanted = OrderFilter(
        limit=most + 1,
        account=account,
        status=_one_of("status", status, STATUSES),
        order_type=_one_of("order_type", "twap" if order_type == "dca" else order_type, ORDER_TYPES),
        open=_one_of("open", open_, ("true",)) is not None,
        parent_id=_order_id("parent_id", parent_id),
        token_in=_symbol("token_in", token_in, launched),
        token_out=_symbol("token_out", token_out, launched),
        client_order_id=_client_order_id(client_order_id),
        before=decode_cursor(cursor) if cursor else None,
    )
    return json_response(await async_clients.reads().run(_page, wanted, account=account))


def _page(wanted: OrderFilter) -> OrderPage:
    """Return the orders that a filter admits, which is for one more than a page has."""
    rows = clients.ledger().find_all(wanted)
    page = rows[: wanted.limit - 1]
    more = len(rows) > len(page)
    next_cursor = encode_cursor(page[-1].created_at.isoformat(), page[-1].order_id) if more else None
    return OrderPage([summary_of(order_of(row, with_route=False)) for row in page], next_cursor)


def _one_of(field: str, value: str | None, known: Collection[str]) -> str | None:
    if value is not None and value not in known:
        raise invalid(field, f"must be one of {', '.join(known)}" if len(known) > 1 else f"must be {', '.join(known)}")
    return value


def _order_id(field: str, text: str | None) -> str | None:
    order_id = None if text is None else read_order_id(text)
    if text is not None and order_id is None:
        raise invalid(field, "must be the id of an order")
    return order_id


def _symbol(field: str, name: str | None, launched: Launched) -> str | None:
    if name is None:
        return None
    token = find_token(name) or launched.tokens.get(name)
    if token is None:
        raise invalid(field, NO_TOKEN)
    return token.symbol


def _client_order_id(text: str | None) -> str | None:
    try:
        return None if text is None else read_client_order_id(text)
    except ValueError as error:
        raise invalid("client_order_id", str(error)) from error
