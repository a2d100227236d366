"""Holds the ledger to the steps of an order: its row, its events and its fills, as they are after the last one."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pg8000.native

from orderflow.adapters.ledger import Fill, Ledger, OrderRow
from orderflow.adapters.public import public_event, public_json
from orderflow.domain.order import Fired, Order, event_of, step_of
from orderflow.domain.routing import Route
from tests.support.builders import encode


def check(ledger: Ledger, way: Sequence[Order]) -> None:
    """Fail unless the ledger has an order as it is at the end of its way, and all events and fills of the way."""
    end = way[-1]
    row = ledger.find(end.order_id, end.account)
    assert row is not None
    check_row(row, end)
    history = ledger.history(end.order_id, end.account)
    assert history == [event_of(order) for order in way]
    assert [public_json(event).decode() for event in history] == [public_event(encode(step_of(each))) for each in way]
    fills = [leg for order in way for leg in step_of(order).fills]
    assert ledger.fills(end.order_id) == [
        msgspec.convert(leg, Fill, from_attributes=True, strict=False) for leg in fills
    ]


def check_row(row: OrderRow, order: Order) -> None:
    """Fail unless a row says of an order what Redis does."""
    assert (row.request, row.account) == (order.request, order.account)
    assert (row.sequence, row.status, row.tx_hash, row.reason) == (
        order.sequence,
        order.status,
        order.tx_hash,
        order.reason,
    )
    assert (row.amount_out, row.execution_price) == (order.amount_out, order.execution_price)
    assert (row.route and msgspec.json.decode(row.route, type=Route)) == order.route
    assert (row.created_at, row.updated_at) == (_moment(order.created_at_ms), _moment(order.updated_at_ms))
    assert (row.client_order_id, row.parent_id, row.slice, row.child_id) == (
        order.client_order_id,
        order.parent_id,
        order.slice,
        order.child_id,
    )
    assert row.expires_at == _moment(order.request.expires_at_ms)
    assert row.minimum_out == (order.rests.minimum_out if order.rests else None)
    assert (row.fired and msgspec.json.decode(row.fired, type=Fired)) == order.fired
    assert (row.token_out, row.slots_from_open) == (order.request.token_out, order.slots_from_open)
    assert (row.attempts or 0, row.amount_filled or 0) == (order.attempts, order.amount_filled)
    assert not (order.request.waits and None in (row.attempts, row.amount_filled))


def check_fills(connection: pg8000.native.Connection, way: Sequence[Order]) -> None:
    """Fail unless each fill of an order has the signature and the time of the step that brought it."""
    rows = connection.run(
        "SELECT leg, pool, tx_hash, executed_at FROM fills WHERE order_id = CAST(:id AS uuid) ORDER BY leg",
        id=way[0].order_id,
    )
    brought = [(leg.pool, order.tx_hash, _moment(order.updated_at_ms)) for order in way for leg in step_of(order).fills]
    assert [tuple(row) for row in rows] == [(number, *fill) for number, fill in enumerate(brought, start=1)]


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
