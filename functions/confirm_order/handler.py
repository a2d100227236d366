"""Confirms orders: from the `confirm` stream, by the result of their signature, to their end."""

from collections.abc import Mapping, Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.execution import Execution, apply_execution
from orderflow.domain.order import Order, Signature
from orderflow.errors import RetryableError
from orderflow.runtime import clients
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.stage import run_stage


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `confirm` stream."""
    return run_stage("confirm_order", event, read=read_results, decide=confirm, after=forget)


def read_results(orders: Sequence[Order]) -> Mapping[Signature, Execution | None]:
    """Return what became of each order's transaction."""
    signatures = [order.signature for order in orders]
    return dict(zip(signatures, clients.venue().results(signatures), strict=True))


def confirm(order: Order, results: Mapping[Signature, Execution | None], now_ms: int) -> Transition:
    """End an order as its transaction ended. Raises RetryableError while that has not been executed."""
    result = results[order.signature]
    if result is None:
        raise RetryableError(f"transaction {order.signature} has not landed yet")
    return Transition(apply_execution(order, result, now_ms))


def forget(stepped: Sequence[Order], stale: Sequence[Order]) -> None:
    """Let the venue forget the results of orders that have ended, now or at an earlier delivery."""
    clients.venue().forget([*stepped, *stale])
