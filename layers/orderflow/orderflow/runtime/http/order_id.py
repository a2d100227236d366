"""Reads the ids of orders, as clients write them, and says which are unknown."""

import re
from http import HTTPStatus
from uuid import UUID

from orderflow.runtime import async_clients
from orderflow.runtime.http.problems import ProblemError, shown
from orderflow.runtime.lately import Lately

UNKNOWN_S, MAX_UNKNOWN = 1.0, 10_000

unknown_orders = async_clients.once_per_loop(lambda: Lately(UNKNOWN_S, MAX_UNKNOWN))
"""What even the ledger does not know, and need not be asked again at once; by `sought_as`.

An order is sought in Redis first, where it is from its beginning on, so that none is taken for unknown after it was
created.
"""

_UUID = re.compile(
    r"(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE | re.ASCII
)


def read_order_id(text: str) -> str | None:
    """Return an order's id in the one form in which it is kept, or None when `text` is none."""
    return str(UUID(text)) if _UUID.fullmatch(text) else None


def sought_as(order_id: str, account: str) -> str:
    """Return how an order is noted as unknown: to an account, for it may well be another's."""
    return f"{account} {order_id}"


def not_found(order_id: str) -> ProblemError:
    """Return the error of an order that there is not."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {shown(order_id)}")
