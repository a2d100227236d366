"""Publishes statuses: from the `status` stream, in its order, to the WebSocket connections that watch."""

import time
from typing import Any

import msgspec

from orderflow.adapters.watchers import StatusEntry
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Failures,
    StreamEvent,
    StreamRecord,
    finish,
    stream_function,
)

FUNCTION = "publish_status"


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `status` stream."""
    started = time.perf_counter()
    failures = Failures(FUNCTION)
    entries: dict[str, list[StatusEntry]] = {}

    def read(record: StreamRecord) -> None:
        entry = msgspec.convert(record["data"], StatusEntry, strict=False)
        entries.setdefault(record["partition"], []).append(entry)

    failures.attempt(event["Records"], read)
    sent = sum(publish(partition, of_partition) for partition, of_partition in entries.items())
    finish(FUNCTION, event, failures, started, messages=sent)
    return {"batchItemFailures": failures.items}


def publish(partition: str, entries: list[StatusEntry]) -> int:
    """Send what a partition's entries mean for its watchers, in their order; return how many messages went out.

    Raises RetryableError when the connections can't be reached; then all of it is sent again, and a client may see
    an event twice, which its sequence number tells.
    """
    watchers = clients.watchers()
    messages = watchers.messages(partition, entries)
    if messages and (gone := clients.sockets().send(messages)):
        watchers.forget(partition, gone)
    return len(messages)
