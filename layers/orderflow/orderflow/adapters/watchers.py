"""The connections that watch an order, kept beside it: entries of the status stream in, messages to send out."""

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import key, order_key, watcher_keys
from orderflow.adapters.messages import kept_steps
from orderflow.adapters.public import public_event
from orderflow.adapters.sockets import Message
from orderflow.domain.lifecycle import TERMINAL

MAX_WATCHERS = 100
"""Connections that may watch one order at a time, unless the settings say otherwise."""

ENDS = f" {' '.join(sorted(TERMINAL))} "
"""The statuses that end an order, as the scripts look for one of them."""


class StatusEntry(msgspec.Struct, frozen=True):
    """An entry of the status stream: an event (a step, with its sequence), or a connection's `action` on an order.

    `entry_id` is its place in the stream; empty for an action that is not from there.
    """

    order_id: str
    sequence: int = 0
    event: str = ""
    connection_id: str = ""
    action: str = "event"
    entry_id: str = ""
    status: str = ""


class Watchers:
    """The watchers of a partition's orders; of each at most so many."""

    def __init__(self, client: redis.Redis, max_watchers: int = MAX_WATCHERS) -> None:
        self._client = client
        self._max_watchers = max_watchers
        self._watch = client.register_script(scripts.source("watch"))

    def messages(self, partition: str, entries: Sequence[StatusEntry]) -> list[Message]:
        """Process entries in their order and return the messages to send, in that order.

        A subscription is answered with the order's events so far, or with an error when too many watch the order; an
        event goes to the connections that watch the order and have not been sent it in such an answer.
        """
        messages: list[Message] = []
        for entry, reply in zip(entries, self._replies(partition, entries), strict=True):
            if isinstance(reply, int):
                messages.append(_too_many(entry, reply))
            elif entry.action != "event":
                messages += [
                    Message(entry.connection_id, entry.order_id, public_event(step), sequence, entry.entry_id)
                    for sequence, step in enumerate(reply, start=1)
                ]
            elif reply:
                frame = public_event(entry.event)
                messages += [
                    Message(connection_id, entry.order_id, frame, entry.sequence, subscription)
                    for connection_id, sent, subscription in _connections(reply)
                    if entry.sequence > sent
                ]
        return messages

    def everything(self, partition: str, out_of_order: Sequence[Message]) -> list[Message]:
        """Return all events so far of each connection and order that some messages came out of order for."""
        messages: list[Message] = []
        for message in {(each.order_id, each.connection_id): each for each in out_of_order}.values():
            fields = cast("dict[str, str]", self._client.hgetall(order_key(partition, message.order_id)))
            messages += [
                Message(message.connection_id, message.order_id, public_event(step), sequence, message.subscription)
                for sequence, step in enumerate(kept_steps(fields), start=1)
            ]
        return messages

    def forget(self, partition: str, gone: Sequence[Message]) -> None:
        """Stop watching for connections that are gone."""
        pairs = {(message.order_id, message.connection_id) for message in gone}
        self.messages(partition, [StatusEntry(order, 0, "", connection, "unsubscribe") for order, connection in pairs])

    def _replies(self, partition: str, entries: Sequence[StatusEntry]) -> list[list[str] | int]:
        if not entries:
            return []
        keys = [key(partition, "watched:")]
        arguments: list[str | int] = [self._max_watchers, ENDS]
        for entry in entries:
            keys += [order_key(partition, entry.order_id), *watcher_keys(partition, entry.order_id)]
            arguments += [entry.action, entry.connection_id, entry.entry_id, entry.status]
        return cast("list[list[str] | int]", self._watch(keys, arguments))


def _connections(watchers: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield connections, each with the sequence that was sent when it subscribed, and the entry that asked for it."""
    for connection, kept in zip(watchers[::2], watchers[1::2], strict=True):
        sent, _, subscription = kept.partition(" ")
        yield connection, int(sent), subscription


def _too_many(entry: StatusEntry, limit: int) -> Message:
    refusal = {"order_id": entry.order_id, "error": "too many watchers", "limit": limit}
    return Message(entry.connection_id, entry.order_id, encoder.encode(refusal).decode())
