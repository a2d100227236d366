"""Routes orders: from the `route` stream, through a comparison of every venue, to the `build` stream."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order
from orderflow.domain.routing import best_route
from orderflow.market.universe import VENUES, pools_of_pair
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Step, StreamEvent, run_stage, stream_function


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `route` stream."""
    return run_stage("route_order", event, route)


def route(orders: Sequence[Order]) -> Step:
    """Read the pools that the orders may trade with, and return the choice of the best for one of them."""
    requests = [order.request for order in orders]
    pools = clients.venue().pools(
        address for request in requests for address in pools_of_pair(request.token_in, request.token_out)
    )
    latency, now_ms = clients.latency(), clock.now_ms()

    def choose(order: Order) -> Transition:
        request = order.request
        listed = [pools[address] for address in pools_of_pair(request.token_in, request.token_out)]
        best = best_route(listed, request.token_in, request.token_out, request.amount_in)
        routed = order.choose_route(best, now_ms)
        return Transition(routed, "build", latency.quote_ms(order.order_id, VENUES))

    return choose
