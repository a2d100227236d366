"""Settles slices: from the `settle` stream, each that has ended, to the order that it is a part of."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.slicing import settled
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
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
    settled_orders: list[Order] = []

    def settle_one(record: StreamRecord) -> None:
        ended = orders[record["messageId"]]
        if (order := settle(ended)) is not None:
            settled_orders.append(order)

    orders = {record["messageId"]: order for record, order in failures.decode_orders(records)}
    failures.attempt([record for record in records if record["messageId"] in orders], settle_one)
    return Done({}, settled_orders)


def settle(ended: Order) -> Order | None:
    """Add a slice that has ended to its order; return that, or None when it was added before, or the order has ended.

    Raises RetryableError when the order takes another step at the same time.
    """
    if ended.parent_id is None or ended.slice is None:
        raise ValueError(f"order {ended.order_id} is no slice")
    found = clients.orders().find(ended.parent_id)
    if found is None:
        return None
    order, now_ms = found[0], clock.now_ms()
    if order.status not in RESTING or order.progress is None or order.progress.ended >= ended.slice:
        return None
    after = settled(order, ended, now_ms)
    end = clients.orders().requested_ends([order.order_id]).get(order.order_id)
    if end is not None and after.status is Status.OPEN:
        after = order.expire(now_ms) if end is Status.EXPIRED else order.cancel(now_ms)
    if not clients.orders().apply([Transition(after)])[0]:
        raise RetryableError(f"order {order.order_id} has taken another step meanwhile")
    return after
