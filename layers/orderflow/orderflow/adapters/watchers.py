"""The connections that watch an order, kept beside it: entries of the status stream in, messages to send out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import key, order_key, watcher_keys
from orderflow.adapters.messages import kept_steps
from orderflow.adapters.public import public_event
from orderflow.adapters.sockets import Message
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import TERMINAL

MAX_WATCHERS = 100
"""Connections that may watch one order at a time, unless the settings say otherwise."""

GROUP = "publish_status"
"""The group that reads the status stream for the watchers: the function."""

ENDS = f" {' '.join(sorted(TERMINAL))} "
"""The statuses that end an order, as the scripts look for one of them."""


class StatusEntry(msgspec.Struct, frozen=True):
    """An entry of the status stream: an event (a step, with its sequence), or a connection's `action` on an order.

    `entry_id` is its place in the stream; empty for an action that is not from there. `account` is the order's, of an
    event.
    """

    order_id: str
    sequence: int = 0
    event: str = ""
    connection_id: str = ""
    action: str = "event"
    entry_id: str = ""
    status: str = ""
    account: str = LOCAL_ACCOUNT


class FeedEvent(NamedTuple):
    """An event for a feed: the id of its entry in its partition's status stream, and the step."""

    entry_id: str
    step: str


class Processed(NamedTuple):
    """What entries mean: messages to send, in their order, and by account the events that its feed must have first."""

    messages: list[Message]
    followed: Mapping[str, Sequence[FeedEvent]]


class Watchers:
    """The watchers of a partition's orders; of each at most so many."""

    def __init__(self, client: redis.Redis, max_watchers: int = MAX_WATCHERS) -> None:
        self._client = client
        self._max_watchers = max_watchers
        self._watch = client.register_script(scripts.source("watch"))

    def process(self, partition: str, entries: Sequence[StatusEntry]) -> Processed:
        """Process entries in their order; return what to send, and what must go into feeds.

        A subscription is answered with the order's events so far, or with an error when too many watch the order; an
        event goes to the connections that watch the order and have not been sent it in such an answer. Where another
        reader of the stream still has earlier entries in hand, the feeds' events begin with those.
        """
        messages: list[Message] = []
        *replies, in_feeds = self._replies(partition, entries)
        for entry, reply in zip(entries, replies, strict=True):
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
        if not in_feeds:
            return Processed(messages, {})
        accounts, before = in_feeds
        return Processed(messages, _followed(accounts, before, entries))

    def messages(self, partition: str, entries: Sequence[StatusEntry]) -> list[Message]:
        """Process entries and return the messages to send, as `process` does."""
        return self.process(partition, entries).messages

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

    def _replies(self, partition: str, entries: Sequence[StatusEntry]) -> list[Any]:
        """Return what the script says of each entry, and last what it says of feeds."""
        if not entries:
            return [[]]
        keys = [key(partition, name) for name in ("watched:", "feeds", "status")]
        events = [entry for entry in entries if entry.action == "event"]
        first = events[0].entry_id if events else ""
        accounts = " ".join({entry.account for entry in events})
        arguments: list[str | int] = [self._max_watchers, ENDS, GROUP, first, accounts]
        for entry in entries:
            keys += [order_key(partition, entry.order_id), *watcher_keys(partition, entry.order_id)]
            arguments += [entry.action, entry.connection_id, entry.entry_id, entry.status]
        return cast("list[Any]", self._watch(keys, arguments))


def _followed(
    accounts: Collection[str], before: Sequence[tuple[str, list[str]]], entries: Sequence[StatusEntry]
) -> dict[str, list[FeedEvent]]:
    """Return the events of accounts, those of `before` first, which is of the stream as it is."""
    events: dict[str, list[FeedEvent]] = {account: [] for account in accounts}
    for entry_id, parts in before:
        fields = dict(zip(parts[::2], parts[1::2], strict=True))
        account = fields.get("account", LOCAL_ACCOUNT)
        if "event" in fields and account in events and fields.get("function", GROUP) == GROUP:
            events[account].append(FeedEvent(entry_id, fields["event"]))
    for entry in entries:
        if entry.action == "event" and entry.account in events:
            events[entry.account].append(FeedEvent(entry.entry_id, entry.event))
    return events


def _connections(watchers: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield connections, each with the sequence that was sent when it subscribed, and the entry that asked for it."""
    for connection, kept in zip(watchers[::2], watchers[1::2], strict=True):
        sent, _, subscription = kept.partition(" ")
        yield connection, int(sent), subscription


def _too_many(entry: StatusEntry, limit: int) -> Message:
    refusal = {"order_id": entry.order_id, "error": "too many watchers", "limit": limit}
    return Message(entry.connection_id, entry.order_id, encoder.encode(refusal).decode())
