"""Shows orders to clients: what Redis or the ledger holds in, the JSON documents of the API out."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.domain.conditions import minimum_of
from orderflow.domain.launches import Launch
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest, OrderType, Signature, StatusEvent, iso_timestamp
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.runtime.http.order_conditions import OrderExits, OrderFilters, OrderTarget, OrderTrigger, conditions_of
from orderflow.runtime.http.responses import fraction, units


class OrderSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An order without its history, and what it waits for.

    `amount`, and what of it is filled and what remains, are decimal strings in units of `token_in`; `average_price` is
    what all that is filled came to. From `time_in_force` on the fields are those that its client may write for its
    type, as they are now: prices and `min_amount_out` are decimal strings, and `expires_at` is null without an end.

    One that waits for a launch has a `token_out` and the `launch` once that has fired it, and `slots_from_open`, in how
    many slots after it opened it was executed, once it is confirmed.
    """

    order_id: str
    client_order_id: str | None
    status: str
    sequence: int
    order_type: str
    token_in: str
    token_out: str | None
    amount: str
    max_slippage: Decimal
    created_at: str
    updated_at: str
    execution_price: Decimal | None
    tx_hash: str | None
    reason: str | None
    amount_filled: str
    amount_remaining: str
    average_price: Decimal | None
    parent_id: str | None
    time_in_force: str | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    price_in: str | UnsetType = UNSET
    limit_price: str | UnsetType = UNSET
    min_amount_out: str | UnsetType = UNSET
    allow_partial: bool | UnsetType = UNSET
    trigger_price: str | UnsetType = UNSET
    trail_bps: int | UnsetType = UNSET
    activation_price: str | UnsetType = UNSET
    trigger_slots: int | UnsetType = UNSET
    take_profit: OrderTrigger | UnsetType = UNSET
    stop_loss: OrderTrigger | UnsetType = UNSET
    slices: int | UnsetType = UNSET
    interval: int | UnsetType = UNSET
    target: OrderTarget | UnsetType = UNSET
    filters: OrderFilters | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    launch: Launch | UnsetType = UNSET
    slots_from_open: int | UnsetType = UNSET
    then: OrderExits | UnsetType = UNSET


class Resting(msgspec.Struct, frozen=True, kw_only=True):
    """Why an order that rests is not executed yet, as the market is at `slot`: `why` says it in words.

    `would_yield` is what it would receive now, `minimum_out` the least that its limit asks for, both in atoms;
    `distance_bps` by how much the one, or the reference price, has to move. `watermark` is the highest reference price
    of a trailing stop. What is not of its type, or can't be known right now, is null.
    """

    slot: int
    why: str
    minimum_out: int | None
    would_yield: int | None
    distance_bps: Decimal | None
    reference_price: Decimal | None
    trigger_price: Decimal | None
    watermark: Decimal | None
    attempts: int
    last_attempt: str | None
    next_attempt_slot: int | None


class OrderDetails(OrderSummary, frozen=True, kw_only=True):
    """An order with its route, the least it may yield, its fills (all in atoms) and every event so far.

    `children` are the orders that it has made: its slices, or what sells what it has received. `resting` is there while
    it rests.
    """

    children: Sequence[str] = ()
    resting: Resting | None = None
    route: Route | None = None
    minimum_out: int | None = None
    fills: Sequence[Fill] = ()
    history: Sequence[StatusEvent] = ()


class OrderPage(msgspec.Struct, frozen=True):
    """Orders, the newest first, and the cursor of the page after this one."""

    orders: list[OrderSummary]
    next_cursor: str | None


def details_of(
    order: Order, history: Sequence[StatusEvent], fills: Sequence[Fill] | None = None, resting: Resting | None = None
) -> OrderDetails:
    """Return an order, with the fills that it has itself unless others are given."""
    return OrderDetails(
        **_summary(order),
        children=list(dict.fromkeys(event.child_id for event in history if event.child_id)),
        resting=resting,
        route=order.route,
        minimum_out=least_of(order),
        fills=_fills(order) if fills is None else fills,
        history=history,
    )


def order_of(row: OrderRow, *, with_route: bool = True) -> Order:
    """Return an order as the ledger has it: without its transaction, and its fills, which have a table of their own."""
    return Order(
        order_id=OrderId(row.order_id),
        sequence=row.sequence,
        status=Status(row.status),
        created_at_ms=_ms(row.created_at),
        updated_at_ms=_ms(row.updated_at),
        request=_request_of(row),
        route=msgspec.json.decode(row.route, type=Route) if row.route and with_route else None,
        tx_hash=Signature(row.tx_hash) if row.tx_hash else None,
        amount_out=None if row.amount_out is None else int(row.amount_out),
        execution_price=row.execution_price,
        reason=row.reason,
        client_order_id=row.client_order_id,
        fired=msgspec.json.decode(row.fired, type=Fired) if row.fired else None,
        attempts=row.attempts or 0,
        amount_filled=int(row.amount_filled or 0),
        parent_id=OrderId(row.parent_id) if row.parent_id else None,
        slice=row.slice,
        child_id=OrderId(row.child_id) if row.child_id else None,
        slots_from_open=row.slots_from_open,
        account=row.account,
    )


def summary_of(order: Order) -> OrderSummary:
    """Return an order without its history."""
    return OrderSummary(**_summary(order))


def amounts_of(order: Order) -> tuple[str, str]:
    """Return how much of an order is filled and how much remains, in units of `token_in`."""
    remaining, token_in = order.amount_remaining, order.request.sells
    return units(order.request.amount_in - remaining, token_in), units(remaining, token_in)


def least_of(order: Order) -> int | None:
    """Return the fewest atoms that an order may yield; None where that is not known before it has a route.

    At a limit that is for all of what was executed, once it is confirmed, and before for what is under way or remains.
    """
    if order.least is not None:
        return minimum_of(order.least, _amount_of(order))
    if order.route is None or order.status in RESTING or order.status is Status.TRIGGERED:
        return None
    return minimum_out(order.route.expected_out, order.slippage_bps)


def _amount_of(order: Order) -> int:
    if order.status is Status.CONFIRMED:
        return order.amount_filled
    is_under_way = order.fired is not None and order.status not in RESTING and not order.has_ended
    return order.fired.amount_in if order.fired and is_under_way else order.amount_remaining


def _summary(order: Order) -> dict[str, Any]:
    request = order.request
    filled, remaining = amounts_of(order)
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "status": order.status,
        "sequence": order.sequence,
        "order_type": request.order_type,
        "token_in": request.token_in,
        "token_out": request.token_out or None,
        "amount": units(request.amount_in, request.sells),
        "max_slippage": fraction(request.slippage_bps),
        "created_at": iso_timestamp(order.created_at_ms),
        "updated_at": iso_timestamp(order.updated_at_ms),
        "execution_price": order.execution_price,
        "tx_hash": order.tx_hash,
        "reason": order.reason,
        "amount_filled": filled,
        "amount_remaining": remaining,
        "average_price": order.execution_price,
        "parent_id": order.parent_id,
        **conditions_of(request),
        **_launched(order),
    }


def _launched(order: Order) -> dict[str, Any]:
    """Return what an order that waits for a launch says of it, once it was fired and once it is executed."""
    launch = order.fired.launch if order.fired else None
    shown: dict[str, Any] = {} if launch is None else {"launch": launch}
    if order.slots_from_open is not None:
        shown["slots_from_open"] = order.slots_from_open
    return shown


def _fills(order: Order) -> list[Fill]:
    return [
        Fill(leg.venue, leg.pool, leg.token_in, leg.token_out, leg.amount_in, leg.amount_out, leg.fee, leg.fee_token)
        for leg in order.fills
    ]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _request_of(row: OrderRow) -> OrderRequest:
    """Return what an order asked for; of one that only newer code can read what every order has."""
    try:
        return row.request
    except msgspec.ValidationError:
        order_type = cast("OrderType", row.order_type)
        return OrderRequest(row.token_in, row.token_out, int(row.amount_in), order_type, row.slippage_bps)
