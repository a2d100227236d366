"""A transaction's execution: its fills or its error in, the order that ends with them out."""

import msgspec

from orderflow.domain.order import Order, Signature
from orderflow.domain.routing import Leg


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The final result of a transaction: its fills and the atoms received, or the `error` it failed with."""

    signature: Signature
    slot: int
    amount_out: int = 0
    fills: tuple[Leg, ...] = ()
    error: str | None = None


def apply_execution(order: Order, execution: Execution, now_ms: int) -> Order:
    """Return the order that its transaction's execution ends: confirmed with what it received, or failed."""
    if execution.error is not None:
        return order.fail(execution.error, now_ms)
    return order.confirm(execution.fills, execution.amount_out, now_ms)
