"""Publishes statuses: from the `status` stream, in its order, into feeds and to the connections that watch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from functions.publish_status.tally import tally
from orderflow.adapters.feeds import FeedEntry, is_feed
from orderflow.adapters.replication import ReplicatedWrite
from orderflow.adapters.sockets import Sent
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
    batches: dict[str, Batch] = {}

    def read(record: StreamRecord) -> None:
        fields: dict[str, str] = record["data"]
        if "order_id" not in fields and "order" in fields:
            # What had to wait comes as all messages that waited do: whole, in one field.
            fields = msgspec.json.decode(fields["order"], type=dict[str, str])
        fields = fields | {"entry_id": record["messageId"]}
        batch = batches.setdefault(record["partition"], Batch([], []))
        if is_feed(fields.get("order_id", "")):
            batch.of_feeds.append(msgspec.convert(fields, FeedEntry, strict=False))
        else:
            batch.of_orders.append(msgspec.convert(fields, StatusEntry, strict=False))

    failures.attempt(records, read)
    messages = sum(publish(partition, batch) for partition, batch in batches.items())
    if clients.tallies().are_wanted():
        clients.tallies().add(tally(entry for batch in batches.values() for entry in batch.of_orders))
    return Done({"messages": messages})


class Batch(NamedTuple):
    """The entries of a partition in a batch: those about its orders, and those about the feeds that lie in it."""

    of_orders: list[StatusEntry]
    of_feeds: list[FeedEntry]


def publish(partition: str, batch: Batch) -> int:
    """Send what a partition's entries mean for its watchers, in their order; return how many messages went out.

    Raises RetryableError when the connections can't be reached; then all of it is sent again. The local gateway knows
    what each connection has had: it drops what comes again, and says which came out of order, for which the whole
    history is sent. Through API Gateway a client may see an event twice or late, as its sequence number shows.
    """
    # A failover must not take back what is published.
    clients.replication().wait_for([ReplicatedWrite(partition)])
    watchers = clients.watchers()
    messages, followed = watchers.process(partition, batch.of_orders)
    if any(followed.values()):
        clients.feeds().append(partition, followed)
    if batch.of_feeds:
        messages += clients.feeds().messages(partition, batch.of_feeds)
    if not messages:
        return 0
    sent = clients.sockets().send(messages)
    if out_of_order := [message for message in sent.out_of_order if not is_feed(message.order_id)]:
        clients.sockets().send(watchers.everything(partition, out_of_order))
    if gone := [message for message in sent.gone if not is_feed(message.order_id)]:
        watchers.forget(partition, gone)
    mend_feeds(partition, sent)
    return len(messages)


def mend_feeds(partition: str, sent: Sent) -> None:
    """Make good what messages of feeds have come out of order, and end the subscriptions of connections that are gone.

    Where even the first event that is kept comes out of order, the one before it is lost to that connection.
    """
    if gone := [message for message in sent.gone if is_feed(message.order_id)]:
        clients.feeds().forget(partition, gone)
    if not (out_of_order := [message for message in sent.out_of_order if is_feed(message.order_id)]):
        return
    kept = clients.feeds().again(partition, out_of_order)
    lost = clients.sockets().send(kept).out_of_order
    first = {(message.connection_id, message.order_id): message for message in reversed(kept)}
    if ended := [message for message in first.values() if message in lost]:
        clients.sockets().send(clients.feeds().end(partition, ended))
