"""Produces blocks of the mock chain: landed transactions in, pool states and results out, owners told on `confirm`."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.keys import partition_of
from orderflow.adapters.replication import ReplicatedWrite, transaction_executed
from orderflow.domain.lifecycle import RESULT_STREAM
from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)
from orderflow.venues.mock.chain import produce
from orderflow.venues.mock.latency import SLOT_MS, SLOTS_TO_CONFIRM
from orderflow.venues.mock.universe import VENUES


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the chain's `transactions` stream."""
    return run_batch("produce_block", event, execute)


def execute(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Execute the transactions of a batch; note those that are none."""
    produce_block([order for _, order in failures.decode_orders(records)])
    return Done()


def produce_block(orders: Sequence[Order]) -> None:
    """Execute the transactions that have no result yet, then tell every order's owner.

    Blocks are committed only on top of the state that they were computed from, so of two producers one wins and the
    other tries again (RetryableError), finding the winner's results. A transaction that has its result is not executed
    again, but its owner is told again: the first telling may have been lost. One that the chain does not know (any
    longer) is not executed at all.
    """
    venue, latency, owners, replication = clients.venue(), clients.latency(), clients.orders(), clients.replication()
    waiting, executed = venue.arrived(orders)
    if waiting:
        block, state = venue.state()
        blocks = produce(venue.seed, state, waiting, _landing_slot, venue.now_ms())
        if not venue.commit(block, blocks):
            raise RetryableError(f"block {block + 1} was produced by another")
    # An owner must not be told of what a failover may take back.
    told = [*waiting, *executed]
    replication.wait_for(transaction_executed(order.signature) for order in told)
    delay_ms = latency.scaled(SLOTS_TO_CONFIRM * SLOT_MS)
    owners.schedule(RESULT_STREAM, [(order, delay_ms) for order in told])
    # Nobody tells them again when this has been acknowledged.
    replication.wait_for(ReplicatedWrite(partition_of(order.order_id, owners.partitions)) for order in told)


def _landing_slot(order: Order) -> int:
    return clients.latency().landing_slot(order.chosen_route.slot, order.request, VENUES)
