"""Confirms orders: from the `confirm` stream, by the result of their signature, to their end."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.execution import apply_execution
from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Step, StreamEvent, run_stage, stream_function


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `confirm` stream."""
    return run_stage("confirm_order", event, confirm, afterwards=forget)


def confirm(orders: Sequence[Order]) -> Step:
    """Look up the orders' signatures, and return what one order's result makes of it."""
    signatures = [order.signature for order in orders]
    results = dict(zip(signatures, clients.venue().results(signatures), strict=True))
    now_ms = clock.now_ms()

    def end(order: Order) -> Transition:
        result = results[order.signature]
        if result is None:
            raise RetryableError(f"transaction {order.signature} has not landed yet")
        return Transition(apply_execution(order, result, now_ms))

    return end


def forget(stepped: Sequence[Order], stale: Sequence[Order]) -> None:
    """Let the chain forget the results of orders that have ended, now or at an earlier delivery."""
    signatures = [order.signature for order in (*stepped, *stale)]
    clients.venue().forget(signatures, clients.latency().blockhash_valid_ms())
