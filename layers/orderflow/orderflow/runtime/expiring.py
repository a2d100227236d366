"""Expires orders: the id of one whose time the timers found to be over in, the order as it is by that out."""

from orderflow.adapters.orders import Orders
from orderflow.domain.lifecycle import EXPIRED_STREAM
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime.taking_back import take_back

CLOCKS_DIFFER_MS = 60_000
"""So much the clock of a new primary may be behind that of the one that has found the order's time to be over. An order
whose time is further off was amended: it comes again by that."""


def expire(orders: Orders, order_id: str, now_ms: int) -> Order | None:
    """Expire an order; return it, or None when there was nothing to be done: it has ended, or its time was amended."""
    order = orders.find_each([order_id]).get(order_id)
    expires_at_ms = order.request.expires_at_ms if order else None
    if order is None or order.has_ended or expires_at_ms is None:
        return None
    if expires_at_ms <= now_ms:
        return take_back(orders, order_id, Status.EXPIRED, now_ms).order
    if expires_at_ms <= now_ms + CLOCKS_DIFFER_MS:
        orders.schedule(EXPIRED_STREAM, [(order, expires_at_ms - now_ms)])
    return None
