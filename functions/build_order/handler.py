"""Builds transactions: from the `build` stream, with the minimum out fixed, to the `submit` stream."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.instructions import instructions_for
from orderflow.domain.order import Order
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Step, StreamEvent, run_stage, stream_function
from orderflow.venues.mock.latency import BLOCKHASH_VALID_SLOTS


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `build` stream."""
    return run_stage("build_order", event, build)


def build(_orders: Sequence[Order]) -> Step:
    """Return the building of one order's unsigned transaction; it needs the order, and the chain's time."""
    latency, now_ms, chain_now_ms = clients.latency(), clock.now_ms(), clients.venue().now_ms()

    def assemble(order: Order) -> Transition:
        route = order.chosen_route
        delay_ms = latency.scaled(latency.build_ms(route.slot, order.request))
        # The blockhash is fetched when the transaction is ready, so its time to live starts then.
        expires_at_ms = chain_now_ms + delay_ms + latency.blockhash_valid_ms()
        built = order.build(instructions_for(route), route.slot + BLOCKHASH_VALID_SLOTS, expires_at_ms, now_ms)
        return Transition(built, delay_ms)

    return assemble
