"""What it costs of an account's limits to tend dead letters: a request in, its charge out."""

from starlette.types import Scope

from orderflow.runtime.http.limits import Charge

LIST = 2
"""Units of `reads`: as a list of orders."""


def charge_of(scope: Scope) -> Charge:
    """Return what a request costs."""
    return Charge("reads", LIST) if scope["method"] == "GET" else Charge("changes")
