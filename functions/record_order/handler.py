"""Records orders: from the `status` stream, by batches, to the ledger in Postgres."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from pg8000.exceptions import DatabaseError

from orderflow.adapters.ledger import Step
from orderflow.domain.status import TERMINAL
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Failures,
    StreamEvent,
    StreamRecord,
    finish,
    stream_function,
)

FUNCTION = "record_order"


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `status` stream."""
    started = time.perf_counter()
    failures = Failures(FUNCTION)
    steps: dict[str, Step] = {}

    def read(record: StreamRecord) -> None:
        data = record["data"]
        if "event" in data:  # the others are subscriptions, which leave no trace in the ledger
            steps[record["messageId"]] = msgspec.convert(data, Step, strict=False)

    failures.attempt(event["Records"], read)
    try:
        record_orders(list(steps.values()))
    except DatabaseError:
        # Postgres refuses something in the batch: find what, so that the rest is not held back by it.
        recorded = [record for record in event["Records"] if record["messageId"] in steps]
        failures.attempt(recorded, lambda record: record_orders([steps[record["messageId"]]]))
    finish(FUNCTION, event, failures, started, steps=len(steps))
    return {"batchItemFailures": failures.items}


def record_orders(steps: Sequence[Step]) -> None:
    """Write steps to the ledger, and let the orders that have ended leave Redis.

    Raises RetryableError when Postgres is away, and DatabaseError when it refuses one of the steps.
    """
    if not steps:
        return
    clients.ledger().write(steps)
    clients.orders().let_go([step.order_id for step in steps if step.status in TERMINAL])
