"""Records orders: from the `status` stream, by batches, to the ledger in Postgres."""

from collections.abc import Sequence
from typing import Any

import msgspec
from pg8000.exceptions import DatabaseError

from orderflow.adapters.ledger import Step
from orderflow.adapters.replication import ReplicatedWrite
from orderflow.domain.lifecycle import TERMINAL
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    check_partitions,
    run_batch,
    stream_function,
)


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `status` stream."""
    return run_batch("record_order", event, record_order)


def record_order(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Record the steps of a batch; note those that are none, or that Postgres refuses."""
    steps: list[tuple[StreamRecord, Step]] = []

    def read(record: StreamRecord) -> None:
        if "event" in record["data"]:  # the others are subscriptions, which leave no trace in the ledger
            steps.append((record, msgspec.convert(record["data"], Step, strict=False)))

    failures.attempt(records, read)
    check_partitions((record, step.order_id) for record, step in steps)
    # A failover must not take back what is recorded.
    clients.replication().wait_for(
        ReplicatedWrite(partition) for partition in {record["partition"] for record in records}
    )
    try:
        record_orders([step for _, step in steps])
    except DatabaseError:
        # Postgres refuses something in the batch: find what, so that the rest is not held back by it.
        for record, step in steps:
            try:
                record_orders([step])
            except DatabaseError as error:
                failures.add(record, error)
    return Done({"steps": len(steps)})


def record_orders(steps: Sequence[Step]) -> None:
    """Write steps to the ledger, and let the orders that have ended leave Redis.

    Raises RetryableError when Postgres is unavailable, and DatabaseError when it refuses one of the steps.
    """
    if not steps:
        return
    clients.ledger().write(steps)
    clients.orders().expire_after_recording([step.order_id for step in steps if step.status in TERMINAL])
