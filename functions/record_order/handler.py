"""Records orders: from the `status` stream, by batches, to the ledger in Postgres."""

from collections.abc import Collection, Sequence
from typing import Any

from pg8000.exceptions import DatabaseError

from orderflow.adapters.ledger_documents import OrderDocument, decode_document
from orderflow.adapters.replication import ReplicatedWrite, step_written
from orderflow.domain.lifecycle import TERMINAL
from orderflow.runtime import clients, order_traces
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

Recorded = tuple[StreamRecord, OrderDocument]


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `status` stream."""
    return run_batch("record_order", event, record_order)


def record_order(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Record the steps of a batch; note those that are none, that Postgres refuses, or whose order is nowhere."""
    steps: list[Recorded] = []

    def read(record: StreamRecord) -> None:
        if (document := document_of(record["data"])) is not None:
            steps.append((record, decode_document(document)))

    failures.attempt(records, read)
    check_partitions((record, step.order_id) for record, step in steps)
    # A failover must not take back what is recorded.
    clients.replication().wait_for(
        ReplicatedWrite(partition) for partition in {record["partition"] for record in records}
    )
    try:
        record_steps(steps, failures)
    except DatabaseError:
        # Postgres refuses something in the batch: find what, so that the rest is not held back by it.
        for record, step in steps:
            try:
                record_steps([(record, step)], failures)
            except DatabaseError as error:
                failures.add(record, error)
    return Done({"steps": len(steps)})


def document_of(fields: dict[str, str]) -> str | None:
    """Return the document of a step's entry; None for a subscription, which leaves no trace in the ledger.

    The release before wrote what clients see of a step, and beside it the whole order, which says what it changed too.
    """
    if "event" not in fields:
        return None
    return fields.get("order", fields["event"])


def record_steps(steps: Sequence[Recorded], failures: Failures) -> None:
    """Write steps to the ledger, and let the orders that have ended leave Redis.

    Raises RetryableError when Postgres is unavailable, and DatabaseError when it refuses one of the steps.
    """
    if not steps:
        return
    lacking = clients.ledger().write([step for _, step in steps])
    nowhere = record_wholly(lacking) if lacking else ()
    for record, step in steps:
        if step.order_id in nowhere:
            failures.add(record, LookupError("the ledger lacks the steps before, and Redis has no such order"))
    ended = [step for _, step in steps if step.status in TERMINAL and step.order_id not in nowhere]
    clients.orders().expire_after_recording([step.order_id for step in ended])
    if order_traces.share():
        for step in ended:
            order_traces.trace_end(
                step.order_id, step.status, step.updated_at_ms, step.reason if isinstance(step.reason, str) else None
            )


def record_wholly(order_ids: Collection[str]) -> set[str]:
    """Write all steps that Redis has of orders to the ledger, which lacks some; return the orders that Redis has not.

    An order stays in Redis until the ledger has its end. Raises as `record_steps` does.
    """
    orders = clients.orders()
    found = {order_id: list(map(decode_document, orders.documents(order_id))) for order_id in order_ids}
    clients.replication().wait_for(
        step_written(order_id, documents[-1].sequence, orders.partitions)
        for order_id, documents in found.items()
        if documents
    )
    clients.ledger().write([document for documents in found.values() for document in documents])
    return {order_id for order_id, documents in found.items() if not documents}
