"""Who watches which order, kept in the order's own hash, and what each of them must be sent."""

from collections.abc import Sequence

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import order_key
from orderflow.adapters.sockets import Message


class StatusEntry(msgspec.Struct, frozen=True):
    """An entry of the status stream: an event (with its sequence), or a connection's `action` on an order.

    `entry_id` is its place in the stream; empty for an action that is not from there.
    """

    order_id: str
    sequence: int = 0
    event: str = ""
    connection_id: str = ""
    action: str = "event"
    entry_id: str = ""


class Watchers:
    """The watchers of a partition's orders."""

    def __init__(self, client: redis.Redis) -> None:
        self._watch = client.register_script(scripts.source("watch", "entry_ids"))

    def messages(self, partition: str, entries: Sequence[StatusEntry]) -> list[Message]:
        """Work through entries in their order and return what is to be sent to whom, in that order.

        A subscription is answered with the order's events so far; an event goes to those who watch the order and
        have not been sent it that way.
        """
        keys, arguments = [], []
        for entry in entries:
            keys.append(order_key(partition, entry.order_id))
            arguments += [entry.action, entry.connection_id, entry.entry_id]
        replies = self._watch(keys, arguments) if keys else []
        messages: list[Message] = []
        for entry, reply in zip(entries, replies, strict=True):
            place = partition, entry.entry_id
            if entry.action != "event":
                messages += [Message(entry.connection_id, entry.order_id, event, *place) for event in reply]
            elif reply:
                messages += [
                    Message(connection_id, entry.order_id, entry.event, *place)
                    for connection_id, sent in _connections(reply)
                    if entry.sequence > sent
                ]
        return messages

    def forget(self, partition: str, gone: Sequence[Message]) -> None:
        """Stop watching for connections that turned out to be gone."""
        pairs = {(message.order_id, message.connection_id) for message in gone}
        self.messages(partition, [StatusEntry(order, 0, "", connection, "unsubscribe") for order, connection in pairs])


def _connections(watchers: str) -> list[tuple[str, int]]:
    """Return the connections with the sequence that each had been sent when it subscribed."""
    words = watchers.split(" ")
    return [(words[i], int(words[i + 1])) for i in range(0, len(words) - 1, 3)]
