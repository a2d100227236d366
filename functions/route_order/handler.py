"""Routes orders: from the `route` stream, over the pools of every venue, to the `build` stream."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order
from orderflow.errors import RejectedError
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Step, StreamEvent, run_stage, stream_function
from orderflow.venues.mock.universe import VENUES


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `route` stream."""
    return run_stage("route_order", event, route)


def route(orders: Sequence[Order]) -> Step:
    """Find every order's best route over the market as it is now, and return the step of one of them."""
    routes = clients.router().routes([order.request for order in orders])
    chosen = dict(zip((order.order_id for order in orders), routes, strict=True))
    latency, now_ms = clients.latency(), clock.now_ms()

    def choose(order: Order) -> Transition:
        best = chosen[order.order_id]
        if isinstance(best, RejectedError):
            raise best
        quotes = latency.quotes(best.slot, order.request, VENUES)
        return Transition(order.choose_route(best, now_ms), latency.scaled(quotes.wait_ms))

    return choose
