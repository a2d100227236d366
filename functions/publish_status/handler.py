"""Publishes statuses: from the `status` stream, in its order, to the WebSocket connections that watch."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orderflow.adapters.replication import ReplicatedWrite
from orderflow.adapters.watchers import StatusEntry
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


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `status` stream."""
    return run_batch("publish_status", event, publish_status)


def publish_status(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Publish the entries of a batch; note those that are none."""
    entries: dict[str, list[StatusEntry]] = {}

    def read(record: StreamRecord) -> None:
        fields: dict[str, str] = record["data"]
        if "order_id" not in fields and "order" in fields:
            # A subscription that had to wait comes as all messages that waited do: whole, in one field.
            fields = msgspec.json.decode(fields["order"], type=dict[str, str])
        entry = msgspec.convert(fields | {"entry_id": record["messageId"]}, StatusEntry, strict=False)
        entries.setdefault(record["partition"], []).append(entry)

    failures.attempt(records, read)
    return Done({"messages": sum(publish(partition, of_partition) for partition, of_partition in entries.items())})


def publish(partition: str, entries: list[StatusEntry]) -> int:
    """Send what a partition's entries mean for its watchers, in their order; return how many messages went out.

    Raises RetryableError when the connections can't be reached; then all of it is sent again. The local gateway knows
    what each connection has had: it drops what comes again, and says which came out of order, for which the whole
    history is sent. Through API Gateway a client may see an event twice or late, as its sequence number shows.
    """
    # A failover must not take back what is published.
    clients.replication().wait_for([ReplicatedWrite(partition)])
    watchers = clients.watchers()
    messages = watchers.messages(partition, entries)
    if not messages:
        return 0
    sent = clients.sockets().send(messages)
    if sent.out_of_order:
        clients.sockets().send(watchers.everything(partition, sent.out_of_order))
    if sent.gone:
        watchers.forget(partition, sent.gone)
    return len(messages)
