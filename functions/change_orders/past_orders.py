"""Orders that can't be changed any more, or are none: what is answered of them."""

from http import HTTPStatus

from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.http.problems import OrderState, ProblemError, shown
from orderflow.runtime.lately import Lately

UNKNOWN_S, MAX_UNKNOWN = 1.0, 10_000

unknown_orders = async_clients.once_per_loop(lambda: Lately(UNKNOWN_S, MAX_UNKNOWN))
"""What even the ledger does not know, and need not be asked again at once, as read_orders remembers it."""


def state_of(order: Order) -> OrderState:
    """Return the state of an order that stands in the way."""
    return OrderState(order.status, order.sequence)


def conflict(order: Order, why: str) -> ProblemError:
    """Return the error of an order that can't be changed as it is now."""
    return ProblemError(HTTPStatus.CONFLICT, f"order {order.order_id} {why}", order=state_of(order))


def has_ended(order: Order) -> ProblemError | RetryableError:
    """Return the error of an order that has ended; of one that the ledger alone has that is not so for sure."""
    if not order.has_ended:
        return RetryableError(f"order {order.order_id} is {order.status} in the ledger, and Redis does not have it")
    return conflict(order, f"has ended: it is {order.status}")


def not_found(order_id: str) -> ProblemError:
    """Return the error of an order that there is not."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {shown(order_id)}")
