"""What it costs of an account's limits to change orders: a request in, its charge out."""

from starlette.types import Scope

from orderflow.runtime.http.limits import Charge

_ONE = Charge("changes")
_BY_ITS_ORDERS = Charge("changes", in_body=True)


def charge_of(scope: Scope) -> Charge:
    """Return what a request costs: a POST as much as the orders that its body names."""
    return _BY_ITS_ORDERS if scope["method"] == "POST" else _ONE
