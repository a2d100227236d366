"""Takes orders back before they are executed: orders' ids and the status to end with in, what became of each out."""

from collections.abc import Sequence
from typing import NamedTuple

from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError

MOST_READS = 20
"""An order that has taken another step each time it was read, so often, is left for later."""


class TakenBack(NamedTuple):
    """What became of an order: as it is now, and whether its end was only requested, as its transaction is out."""

    order: Order | None
    is_requested: bool = False


def take_back(orders: Orders, order_id: str, end: Status, now_ms: int) -> TakenBack:
    """Cancel or expire an order as `take_back_each` does."""
    return take_back_each(orders, [order_id], end, now_ms)[order_id]


def take_back_each(
    orders: Orders, order_ids: Sequence[str], end: Status, now_ms: int, account: str | None = None
) -> dict[str, TakenBack]:
    """Cancel or expire orders, as `end` says; one that has ended is left as it is.

    With an `account` another's order is as one that is not there. Once its transaction is out only the venue's word
    ends it: it ends so should the transaction be refused. An order in slices ends when the slice under way has. Orders
    of a partition share their trips to Redis. Raises RetryableError when one can't be caught between two of its steps.
    """
    taken: dict[str, TakenBack] = {}
    for _ in range(MOST_READS):
        left = [order_id for order_id in dict.fromkeys(order_ids) if order_id not in taken]
        if not left:
            return taken
        found = orders.find_each(left, account)
        taken |= {each: TakenBack(found.get(each)) for each in left if each not in found or found[each].has_ended}
        taken |= _take_back([found[each] for each in left if each not in taken], orders, end, now_ms)
        # One that took a step after it was read is read again. Orders have few steps, so this comes to an end.
    raise RetryableError(f"{', '.join(left)} took another step each time that it was to be {end}")


def _take_back(found: Sequence[Order], orders: Orders, end: Status, now_ms: int) -> dict[str, TakenBack]:
    """Return what became of orders that have not ended, but for those that have taken another step meanwhile."""
    out = [order for order in found if order.status is Status.SUBMITTED or order.has_slice_under_way]
    ended = [order.end_as(end, now_ms) for order in found if order not in out]
    taken = zip(ended, orders.apply([Transition(order) for order in ended]), strict=True)
    requested = [order for order, is_noted in zip(out, orders.request_ends(out, end), strict=True) if is_noted]
    slices = [order.child_id for order in requested if order.child_id and order.has_slice_under_way]
    take_back_each(orders, slices, Status.CANCELLED, now_ms)
    outcome: dict[str, TakenBack] = {order.order_id: TakenBack(order) for order, is_taken in taken if is_taken}
    return outcome | {order.order_id: TakenBack(order, is_requested=True) for order in requested}
