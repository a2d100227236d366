"""Orders, read one by one: from Redis, where those are that have not ended, or from the ledger."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from functions.read_orders.examples import RESTING_DETAILS
from functions.read_orders.resting_view import Yield, next_request, resting_of
from orderflow.adapters.books import Resting
from orderflow.adapters.ledger import Fill
from orderflow.domain.launches import Launch
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order, StatusEvent
from orderflow.domain.ticks import Tick
from orderflow.errors import OverloadedError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.order_id import not_found, read_order_id, sought_as, unknown_orders
from orderflow.runtime.http.order_view import OrderDetails, details_of, order_of
from orderflow.runtime.http.query import KNOWN_QUERY
from orderflow.runtime.http.responses import json_response

router = APIRouter()


class _Found(NamedTuple):
    """An order with its events; with its fills where these are the ledger's; as it rests, at which tick, if so.

    With that are the launches that it may wait for.
    """

    order: Order
    history: Sequence[StatusEvent]
    fills: Sequence[Fill] | None = None
    resting: tuple[Resting, Tick, Sequence[Launch]] | None = None


@router.get(
    "/api/orders/{order_id}",
    dependencies=KNOWN_QUERY,
    responses={
        200: answer(OrderDetails, "the order", examples={"an order that rests": {"value": RESTING_DETAILS}}),
        404: {"description": "there is no such order"},
    },
)
async def get_order(request: Request, order_id: str) -> Response:
    """Return an order with its route, fills and history: from Redis while it is there, else from the ledger.

    One that rests says what it would yield now, and why it is not executed yet.
    """
    known_as = read_order_id(order_id)
    if known_as is not None:
        unknown, account = unknown_orders(), caller(request).account
        in_ledger = sought_as(known_as, account) not in unknown
        found = await async_clients.reads().run(_find_order, known_as, account, in_ledger, account=account)
        if found is not None:
            return json_response(await _details(found))
        if in_ledger:
            unknown.note(sought_as(known_as, account))
    raise not_found(order_id)


async def _details(found: _Found) -> OrderDetails:
    if found.resting is None:
        return details_of(found.order, found.history, found.fills)
    would_yield: Yield = None
    noted, tick, launches = found.resting
    with suppress(OverloadedError):  # an order can be read however many quotes are made
        would_yield = await async_clients.quoting().run(_would_yield, found.order, account=found.order.account)
    return details_of(found.order, found.history, resting=resting_of(noted, tick, would_yield, launches))


def _find_order(order_id: str, account: str, in_ledger: bool) -> _Found | None:
    found = clients.orders().find(order_id, account)
    if found is not None:
        if found[0].status not in RESTING:
            return _Found(*found)
        venue = clients.venue()
        launches = venue.launches(past=1) if found[0].request.snipe else ()
        return _Found(*found, resting=(clients.books().noted([found[0]])[0], venue.prices(), launches))
    ledger = clients.ledger()
    row = ledger.find(order_id, account) if in_ledger else None
    if row is None:
        return None
    return _Found(order_of(row), ledger.history(order_id, account), ledger.fills(order_id))


def _would_yield(order: Order) -> Yield:
    if order.request.snipe is not None:
        return None  # what it buys has no price yet
    request = next_request(order)
    return clients.venue().fit([request], [0])[0] if request.amount_in else None
