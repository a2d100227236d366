"""Takes orders back before they are executed: an order's id and the status to end with in, what became of it out."""

from typing import NamedTuple

from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.status import Status


class TakenBack(NamedTuple):
    """What became of an order: as it is now, and whether its end was only requested, as its transaction is out."""

    order: Order | None
    is_requested: bool = False


def take_back(orders: Orders, order_id: str, end: Status, now_ms: int) -> TakenBack:
    """Cancel or expire an order, as `end` says; one that has ended is left as it is.

    Once its transaction is out only the venue's word ends it: it ends so should the transaction be refused. An order
    in slices ends when the slice under way has.
    """
    while found := orders.find(order_id):
        order = found[0]
        if order.has_ended:
            return TakenBack(order)
        if order.status is Status.SUBMITTED or _has_slice_under_way(order):
            if orders.request_end(order, end):
                if order.child_id is not None and _has_slice_under_way(order):
                    take_back(orders, order.child_id, Status.CANCELLED, now_ms)
                return TakenBack(order, is_requested=True)
        else:
            ended = order.expire(now_ms) if end is Status.EXPIRED else order.cancel(now_ms)
            if orders.apply([Transition(ended)])[0]:
                return TakenBack(ended)
        # It took a step after it was read, so it is read again. An order has few steps, so this comes to an end.
    return TakenBack(None)


def _has_slice_under_way(order: Order) -> bool:
    return order.status in RESTING and order.progress is not None and order.progress.is_under_way
