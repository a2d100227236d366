"""Orders that can't be changed any more, or are none: what is answered of them."""

from collections.abc import Sequence
from http import HTTPStatus

from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.order_view import order_of
from orderflow.runtime.http.problems import OrderState, ProblemError, shown
from orderflow.runtime.lately import Lately

UNKNOWN_S, MAX_UNKNOWN = 1.0, 10_000

unknown_orders = async_clients.once_per_loop(lambda: Lately(UNKNOWN_S, MAX_UNKNOWN))
"""What even the ledger does not know, and need not be asked again at once, as read_orders remembers it."""


def find_ended(order_ids: Sequence[str]) -> dict[str, Order]:
    """Return those orders that have left Redis, as the ledger has them. Raises RetryableError."""
    if not order_ids:
        return {}
    found = {order_id: order_of(row) for order_id, row in clients.ledger().find_each(order_ids).items()}
    for order in found.values():
        if not order.has_ended:
            raise RetryableError(f"order {order.order_id} is {order.status} in the ledger, and Redis does not have it")
    return found


def state_of(order: Order) -> OrderState:
    """Return the state of an order that stands in the way."""
    return OrderState(order.status, order.sequence)


def conflict(order: Order, why: str) -> ProblemError:
    """Return the error of an order that can't be changed as it is now."""
    return ProblemError(HTTPStatus.CONFLICT, f"order {order.order_id} {why}", order=state_of(order))


def has_ended(order: Order) -> ProblemError:
    """Return the error of an order that has ended."""
    return conflict(order, f"has ended: it is {order.status}")


def not_found(order_id: str) -> ProblemError:
    """Return the error of an order that there is not."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {shown(order_id)}")
