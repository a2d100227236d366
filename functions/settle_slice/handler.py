"""Settles slices: from the `settle` stream, each that has ended, to the order that it is a part of."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.slicing import settled
from orderflow.domain.status import Status
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `settle` stream."""
    return run_batch("settle_slice", event, settle_slices)


def settle_slices(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Settle the slices of a batch, one by one."""
    ended = [order for _, order in failures.decode_orders(records)]
    return Done({}, [order for each in ended if (order := settle(each)) is not None])


def settle(ended: Order) -> Order | None:
    """Add a slice that has ended to its order; return that, or None when it was added before or the order has ended."""
    if ended.parent_id is None or ended.slice is None:
        raise ValueError(f"order {ended.order_id} is no slice")
    orders = clients.orders()
    while found := orders.find(ended.parent_id):
        order, now_ms = found[0], clock.now_ms()
        if order.status not in RESTING or order.progress is None or order.progress.ended >= ended.slice:
            return None
        after = settled(order, ended, now_ms)
        end = orders.requested_ends([order.order_id]).get(order.order_id)
        if end is not None and after.status is Status.OPEN:
            after = order.expire(now_ms) if end is Status.EXPIRED else order.cancel(now_ms)
        if orders.apply([Transition(after)])[0]:
            return after
        # It took a step after it was read, so it is read again. An order has few steps, so this comes to an end.
    return None
