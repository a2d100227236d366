"""Orders that can't be changed any more: what is answered of them."""

from http import HTTPStatus

from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.runtime.http.problems import OrderState, ProblemError


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
