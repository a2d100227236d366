"""Produces blocks of the mock chain: landed transactions in, pool states and results out, owners told on `confirm`."""

import time
from collections.abc import Sequence
from typing import Any

from orderflow.adapters.codec import order_decoder
from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.market.chain import produce
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import (
    BatchResponse,
    Failures,
    StreamEvent,
    StreamRecord,
    finish,
    stream_function,
)

FUNCTION = "produce_block"


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the chain's `transactions` stream."""
    started = time.perf_counter()
    failures = Failures(FUNCTION)
    orders: list[Order] = []

    def decode(record: StreamRecord) -> None:
        orders.append(order_decoder.decode(record["data"]["order"]))

    failures.attempt(event["Records"], decode)
    produce_block(orders)
    finish(FUNCTION, event, failures, started)
    return {"batchItemFailures": failures.items}


def produce_block(orders: Sequence[Order]) -> None:
    """Execute the transactions that have no result yet as one block, then tell every order's owner.

    The block is committed only on top of the one that it was computed from, so of two producers one wins and the other
    tries again (RetryableError), finding the winner's results. A transaction that has its result is not executed again,
    but its owner is told again: the first telling may have been lost.
    """
    venue, latency = clients.venue(), clients.latency()
    height = venue.height()
    results = venue.results([order.signature for order in orders])
    # By signature, since that is what executes once.
    waiting = {order.signature: order for order, result in zip(orders, results, strict=True) if result is None}
    due = list(waiting.values())
    if due:
        pools = venue.pools(leg.pool for order in due for leg in order.chosen_route.legs)
        if not venue.commit(produce(height + 1, due, pools, clock.now_ms())):
            raise RetryableError(f"block {height + 1} was produced by another")
    delay_ms = latency.confirmation_ms()
    clients.orders().schedule("confirm", [(order, delay_ms) for order in orders])
