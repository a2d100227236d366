"""Shows orders to clients: what Redis or the ledger holds in, the JSON documents of the API out."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.domain.order import Order, StatusEvent, iso_timestamp
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.runtime.http.responses import fraction, units


class OrderSummary(msgspec.Struct, frozen=True):
    """An order without its history; `amount` is a decimal string in units of `token_in`."""

    order_id: str
    client_order_id: str | None
    status: str
    sequence: int
    order_type: str
    token_in: str
    token_out: str
    amount: str
    max_slippage: Decimal
    created_at: str
    updated_at: str
    execution_price: Decimal | None
    tx_hash: str | None
    reason: str | None


class OrderDetails(OrderSummary, frozen=True):
    """An order with its route, the least it may yield, its fills (all in atoms) and every event so far."""

    route: Route | None = None
    minimum_out: int | None = None
    fills: Sequence[Fill] = ()
    history: Sequence[StatusEvent] = ()


class OrderPage(msgspec.Struct, frozen=True):
    """Orders, the newest first, and the cursor of the page after this one."""

    orders: list[OrderSummary]
    next_cursor: str | None


def details_of(order: Order, history: Sequence[StatusEvent]) -> OrderDetails:
    """Return an order that is still in Redis."""
    request = order.request
    return OrderDetails(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        status=order.status,
        sequence=order.sequence,
        order_type=request.order_type,
        token_in=request.token_in,
        token_out=request.token_out,
        amount=units(request.amount_in, request.token_in),
        max_slippage=fraction(request.slippage_bps),
        created_at=iso_timestamp(order.created_at_ms),
        updated_at=iso_timestamp(order.updated_at_ms),
        execution_price=order.execution_price,
        tx_hash=order.tx_hash,
        reason=order.reason,
        route=order.route,
        minimum_out=minimum_out(order.route.expected_out, request.slippage_bps) if order.route else None,
        fills=[
            Fill(
                leg.venue,
                leg.pool,
                leg.token_in,
                leg.token_out,
                leg.amount_in,
                leg.amount_out,
                leg.fee,
                leg.fee_token,
            )
            for leg in order.fills
        ],
        history=history,
    )


def details_of_row(row: OrderRow, fills: Sequence[Fill], history: Sequence[StatusEvent]) -> OrderDetails:
    """Return an order that only the ledger still has."""
    route = msgspec.json.decode(row.route, type=Route) if row.route else None
    return OrderDetails(
        **msgspec.structs.asdict(summary_of_row(row)),
        route=route,
        minimum_out=minimum_out(route.expected_out, row.slippage_bps) if route else None,
        fills=fills,
        history=history,
    )


def summary_of_row(row: OrderRow) -> OrderSummary:
    """Return an order of the ledger, without its history."""
    return OrderSummary(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        status=row.status,
        sequence=row.sequence,
        order_type=row.order_type,
        token_in=row.token_in,
        token_out=row.token_out,
        amount=units(int(row.amount_in), row.token_in),
        max_slippage=fraction(row.slippage_bps),
        created_at=_iso(row.created_at.timestamp()),
        updated_at=_iso(row.updated_at.timestamp()),
        execution_price=row.execution_price,
        tx_hash=row.tx_hash,
        reason=row.reason,
    )


def _iso(at_s: float) -> str:
    return iso_timestamp(round(at_s * 1000))
