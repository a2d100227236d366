"""A transaction's execution: its fills or its error in, the order after them out."""

import msgspec

from orderflow.domain.attempts import refused
from orderflow.domain.order import Order, OrderId, Signature
from orderflow.domain.routing import Leg
from orderflow.domain.status import Status


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The final result of a transaction: its fills and the atoms received, or the `error` it failed with."""

    signature: Signature
    slot: int
    amount_out: int = 0
    fills: tuple[Leg, ...] = ()
    error: str | None = None


def apply_execution(
    order: Order,
    execution: Execution,
    now_ms: int,
    ending: Status | None = None,
    child_id: OrderId | None = None,
) -> Order:
    """Return the order after its transaction: with what it received, `child_id` being that of its exits, or refused.

    One that was refused has the end that was requested, if one was; otherwise a market order fails, and one that waits
    rests or goes again.
    """
    if execution.error is None:
        return order.confirm(execution.fills, execution.amount_out, now_ms, child_id, slot=execution.slot)
    if ending is Status.CANCELLED:
        return order.cancel(now_ms, execution.error)
    if ending is Status.EXPIRED:
        return order.expire(now_ms)
    if not order.request.waits:
        return order.fail(execution.error, now_ms)
    return refused(order, execution.error, max(execution.slot, order.chosen_route.slot), now_ms)
