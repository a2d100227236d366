"""Confirms orders: from the `confirm` stream, by the result of their signature, to their end or back to rest."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from orderflow.adapters.orders import Transition
from orderflow.domain.execution import Execution
from orderflow.domain.order import Order, Signature
from orderflow.domain.status import Status
from orderflow.errors import PoolClosedError, RetryableError
from orderflow.runtime import clients
from orderflow.runtime.after_execution import step_after
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.closing import launched_names
from orderflow.runtime.stage import run_stage


class Results(NamedTuple):
    """What became of transactions; which ends were requested of orders that were refused, and which of their tokens,
    by symbol, have closed.
    """

    executions: Mapping[Signature, Execution | None]
    ends: Mapping[str, Status]
    closed: Set[str]


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `confirm` stream."""
    return run_stage("confirm_order", event, read=read_results, decide=confirm, after=forget)


def read_results(orders: Sequence[Order]) -> Results:
    """Return what became of each order's transaction."""
    venue = clients.venue()
    executions = venue.results([order.signature for order in orders])
    refused = [order for order, result in zip(orders, executions, strict=True) if result and result.error]
    ends = clients.orders().requested_ends([order.order_id for order in refused])
    launched = {name for order in refused for name in launched_names(order)}
    closed = venue.closed(launched) if launched else frozenset()
    return Results(dict(zip([order.signature for order in orders], executions, strict=True)), ends, closed)


def confirm(order: Order, results: Results, now_ms: int) -> Transition:
    """Take an order on as its transaction ended. Raises RetryableError while that has not been executed.

    One that waits is not tried again once its token has closed: it ends as those do that rest then.
    """
    result = results.executions[order.signature]
    if result is None:
        raise RetryableError(f"transaction {order.signature} has not landed yet")
    is_over = order.request.waits and not results.closed.isdisjoint(launched_names(order))
    if result.error is not None and is_over and order.order_id not in results.ends:
        return Transition(order.cancel(now_ms, PoolClosedError.reason))
    return step_after(order, result, now_ms, clients.orders().partitions, results.ends.get(order.order_id))


def forget(stepped: Sequence[Order], stale: Sequence[Order]) -> None:
    """Let the venue forget the results of transactions that are over, now or at an earlier delivery."""
    clients.venue().forget([*stepped, *stale])
