"""Produces blocks of the mock chain: transactions that have landed in, results out, their orders sent to `confirm`.

So does the chain's heartbeat, a record on the same stream, while orders rest that wait for a price (decision 0094), or
somebody follows the market.

The only function that knows the mock market: with another venue family it has nothing to read.
"""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.keys import partition_of
from orderflow.adapters.replication import ReplicatedWrite
from orderflow.domain.lifecycle import RESULT_STREAM
from orderflow.domain.order import Order
from orderflow.errors import ConfigurationError
from orderflow.runtime import clients, market_time
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.venue import MockVenue


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the chain's `transactions` stream."""
    return run_batch("produce_block", event, execute)


def execute(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Execute the transactions of a batch; note records that hold none. Heartbeats make one slot, however many."""
    heartbeats = [record for record in records if record["data"].get("order") == HEARTBEAT]
    transactions = [record for record in records if record not in heartbeats]
    orders = [order for _, order in failures.decode_orders(transactions)]
    produce_block(orders, beats=bool(heartbeats))
    return Done()


def produce_block(transactions: Sequence[Order], *, beats: bool = False) -> None:
    """Execute the transactions of orders that have no result yet, then send all orders with a result to `confirm`.

    Also those that had their result before: the process that produced that block may have died before it sent them on.
    Where the clock `beats`, the next slot comes in any case.
    """
    venue, orders, replication = clients.venue(), clients.orders(), clients.replication()
    if not isinstance(venue, MockVenue):
        raise ConfigurationError("VENUE is not the mock market, so there are no blocks to produce")
    makes_slot = beats and venue.beat(market_time.is_needed)
    with_result = venue.produce_blocks(transactions, beat=makes_slot)
    delay_ms = venue.confirmed_in_ms
    orders.schedule(RESULT_STREAM, [(order, delay_ms) for order in with_result])
    # Nobody sends them again when this batch has been acknowledged.
    replication.wait_for(ReplicatedWrite(partition_of(order.order_id, orders.partitions)) for order in with_result)
