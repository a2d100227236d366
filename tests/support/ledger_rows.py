"""Rows of the ledger, as Postgres returns them, made of orders."""

from datetime import UTC, datetime
from decimal import Decimal

from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.adapters.ledger_documents import decode_document
from orderflow.domain.order import Order
from tests.support.builders import encode


def row_of(order: Order) -> OrderRow:
    """Return the row of an order."""
    terms = bytes(decode_document(encode(order)).terms).decode()
    rests, expires_at_ms = order.rests, order.request.expires_at_ms
    return OrderRow(
        order_id=order.order_id,
        sequence=order.sequence,
        status=order.status,
        order_type=order.request.order_type,
        token_in=order.request.token_in,
        token_out=order.request.token_out,
        amount_in=Decimal(order.request.amount_in),
        slippage_bps=order.request.slippage_bps,
        route=encode(order.route) if order.route else None,
        amount_out=None if order.amount_out is None else Decimal(order.amount_out),
        execution_price=order.execution_price,
        tx_hash=order.tx_hash,
        reason=order.reason,
        created_at=_at(order.created_at_ms),
        updated_at=_at(order.updated_at_ms),
        client_order_id=order.client_order_id,
        terms=terms or None,
        parent_id=order.parent_id,
        slice=order.slice,
        child_id=order.child_id,
        minimum_out=Decimal(rests.minimum_out) if rests and rests.minimum_out is not None else None,
        expires_at=None if expires_at_ms is None else _at(expires_at_ms),
        fired=encode(order.fired) if order.fired else None,
        attempts=order.attempts if order.request.waits else None,
        amount_filled=Decimal(order.amount_filled) if order.request.waits else None,
        slots_from_open=order.slots_from_open,
    )


def fills_of(order: Order) -> list[Fill]:
    """Return the rows of an order's fills."""
    return [
        Fill(leg.venue, leg.pool, leg.token_in, leg.token_out, leg.amount_in, leg.amount_out, leg.fee, leg.fee_token)
        for leg in order.fills
    ]


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
