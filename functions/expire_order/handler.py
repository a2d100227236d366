"""Ends orders whose time is over: from the `expire` stream, whatever their status is by then."""

from collections.abc import Sequence
from typing import Any

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
from orderflow.runtime.expiring import expire


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `expire` stream."""
    return run_batch("expire_order", event, expire_orders)


def expire_orders(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Expire the orders of a batch; one whose transaction is out expires when that is refused."""
    due = [order.order_id for _, order in failures.decode_orders(records)]
    orders, now_ms = clients.orders(), clients.books().now_ms()
    return Done({}, [order for order_id in due if (order := expire(orders, order_id, now_ms)) is not None])
