"""Ends orders whose time is over: from the `expire` stream, whatever their status is by then."""

from collections.abc import Sequence
from typing import Any

from orderflow.domain.lifecycle import EXPIRED_STREAM
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)
from orderflow.runtime.taking_back import take_back

CLOCKS_DIFFER_MS = 60_000
"""So much the clock of a new primary may be behind that of the one that has found the order's time to be over. An order
whose time is further off was amended: it comes again by that."""


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `expire` stream."""
    return run_batch("expire_order", event, expire_orders)


def expire_orders(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Expire the orders of a batch; one whose transaction is out expires when that is refused."""
    due = [order.order_id for _, order in failures.decode_orders(records)]
    return Done({}, [order for order_id in due if (order := expire(order_id)) is not None])


def expire(order_id: str) -> Order | None:
    """Expire an order; return it, or None when there was nothing to be done: it has ended, or its time was amended."""
    found = clients.orders().find(order_id)
    if found is None or found[0].has_ended or found[0].request.expires_at_ms is None:
        return None
    order, now_ms = found[0], clients.books().now_ms()
    early_ms = found[0].request.expires_at_ms - now_ms
    if early_ms <= 0:
        return take_back(clients.orders(), order_id, Status.EXPIRED, now_ms).order
    if early_ms <= CLOCKS_DIFFER_MS:
        clients.orders().schedule(EXPIRED_STREAM, [(order, early_ms)])
    return None
