"""Adds slices to the orders that they are parts of: one that has ended in, the order after it out."""

from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.slicing import settled
from orderflow.domain.status import Status


def settle(orders: Orders, ended: Order, now_ms: int) -> Order | None:
    """Add a slice that has ended to its order; return that, or None when it was added before or the order has ended."""
    if ended.parent_id is None or ended.slice is None:
        raise ValueError(f"order {ended.order_id} is no slice")
    while order := orders.find_each([ended.parent_id]).get(ended.parent_id):
        if order.status not in RESTING or order.progress is None or order.progress.ended >= ended.slice:
            return None
        after = settled(order, ended, now_ms)
        end = orders.requested_ends([order.order_id]).get(order.order_id)
        if end is not None and after.status is Status.OPEN:
            after = order.end_as(end, now_ms)
        if orders.apply([Transition(after)])[0]:
            return after
        # It took a step after it was read, so it is read again. An order has few steps, so this comes to an end.
    return None
