"""What it costs of an account's limits to place orders: a request in, units of each limit out."""

from collections.abc import Mapping, Sequence

from starlette.types import Scope

from functions.accept_order.idempotency import CLIENT_ORDER_ID
from orderflow.domain.access import LimitName
from orderflow.runtime.http.limits import ONE_READ, Charge

_BY_ITS_ORDERS = Charge("orders", in_body=True)


def charge_of(scope: Scope) -> Charge:
    """Return what a request costs: a POST as much as the orders in its body."""
    return _BY_ITS_ORDERS if scope["method"] == "POST" else ONE_READ


def units_of(orders: Sequence[object], key: str | None) -> Mapping[LimitName, int]:
    """Return what orders cost that were not checked yet: each one order, and one with a name that as well.

    `key` is that of their request, which names each of them. Also a repeat costs: only the store knows that it is one.
    """
    named = (order for order in orders if isinstance(order, Mapping) and order.get(CLIENT_ORDER_ID) is not None)
    return {"orders": len(orders), "named": sum(1 for _ in named) if key is None else len(orders)}
