"""Routes orders: from the `route` stream, over the pools of every venue, to the `build` stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.attempts import refused, too_little
from orderflow.domain.conditions import minimum_of
from orderflow.domain.order import Order, Version
from orderflow.domain.venue import Quoted
from orderflow.errors import RejectedError
from orderflow.runtime import clients
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.stage import run_stage

Quotes = Mapping[Version, Quoted | RejectedError]


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `route` stream."""
    return run_stage("route_order", event, read=read_quotes, decide=route)


def read_quotes(orders: Sequence[Order]) -> Quotes:
    """Return the best route of every order over the market as it is now, or why there is none."""
    quotes = clients.venue().quote([order.to_execute for order in orders])
    return dict(zip((order.version for order in orders), quotes, strict=True))


def route(order: Order, quotes: Quotes, now_ms: int) -> Transition:
    """Give an order its route, to be built as soon as the venues have answered, or refuse one below its limit.

    Raises RejectedError when there is no route.
    """
    best = quotes[order.version]
    if isinstance(best, RejectedError):
        raise best
    if order.least is not None:
        minimum = minimum_of(order.least, best.route.amount_in)
        if best.route.expected_out < minimum:
            reason = too_little(order, best.route.expected_out, minimum)
            return Transition(refused(order, reason, best.route.slot, now_ms, best.unanswered))
    return Transition(order.choose_route(best.route, now_ms), best.ready_in_ms)
