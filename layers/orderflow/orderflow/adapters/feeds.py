"""Feeds, one for each account: events of every partition in, each with a sequence of the feed; messages to send out.

A feed lies in one partition, by its name. The publisher of each partition appends the events of followed accounts to
their feeds; what is appended is sent by the publisher of the feed's own partition, so from one place and in order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import key, order_partitions, partition_of
from orderflow.adapters.public import public_event
from orderflow.adapters.replication import ReplicatedWrite, Replication
from orderflow.adapters.sockets import Message
from orderflow.adapters.watchers import MAX_WATCHERS, FeedEvent
from orderflow.errors import RetryableError

ORDERS = "orders"
"""The channel whose feeds have every status of every order of an account."""
CHANNELS = (ORDERS,)

MAX_KEPT = 10_000
"""Events that are kept of a feed, and so the most that a subscriber can resume over."""
PIECE = 200
PAUSE_MS = 40
"""What is more than two pieces of so many events comes piece by piece, with a pause between them: a resume, or what has
waited for a publisher. All at once its frames would fill the client's queue."""
KEEP_MS = 60 * 60 * 1000
"""How long a feed goes on without a subscriber, unless it would pass on MAX_KEPT events meanwhile."""

FIRST = 1
"""The place of the answer among a subscription's messages."""
LOST = "events are missing that are not kept any more; subscribe again"


class FeedEntry(msgspec.Struct, frozen=True):
    """An entry of the status stream about a feed, whose name stands where an order's entries have its id.

    `action` is `feed` (the events from `first` to `last` were appended), `subscribe` (perhaps with the sequence to
    `resume` from), `unsubscribe`, or `more` (the next piece of a `subscription`, behind the sequence `after`).
    """

    feed: str = msgspec.field(name="order_id")
    action: str
    entry_id: str = ""
    connection_id: str = ""
    resume: str = ""
    subscription: str = ""
    after: int = 0
    first: int = 0
    last: int = 0


class _Claim(NamedTuple):
    """The decision by which a feed is on, and since when each partition's events have come to it without a gap."""

    decision: int
    gaps: str


def feed_of(channel: str, account: str) -> str:
    """Return the name of an account's feed of a channel; it has a colon in it, as no order's id has."""
    return f"{channel}:{account}"


def channel_of(feed: str) -> str:
    """Return the channel that a feed is of."""
    return feed.partition(":")[0]


def is_feed(order_id: str) -> bool:
    """Return whether a feed's name stands where an order's id may."""
    return ":" in order_id


class Feeds:
    """The feeds of every partition; each has at most `max_watchers` subscribers."""

    def __init__(
        self, client: redis.Redis, partitions: int, replication: Replication, max_watchers: int = MAX_WATCHERS
    ) -> None:
        self._client = client
        self._partitions = order_partitions(partitions)
        self._replication = replication
        self._max_watchers = max_watchers
        names = ("append_feed", "claim_feed", "flag_feed", "serve_feed")
        self._append, self._claim, self._flag, self._serve = (client.register_script(scripts.source(n)) for n in names)

    def append(self, partition: str, followed: Mapping[str, Sequence[FeedEvent]]) -> None:
        """Append a partition's events to the feeds of their accounts, each once, however often this is done.

        Raises RetryableError when the replicas do not have it in time; then it has to be done again.
        """
        feeds = {feed_of(ORDERS, account): events for account, events in followed.items() if events}
        by_place: dict[str, list[str]] = {}
        for feed in feeds:
            by_place.setdefault(partition_of(feed, len(self._partitions)), []).append(feed)
        for place, names in by_place.items():
            keys, arguments = [key(place, "status")], [partition, str(MAX_KEPT)]
            for name in names:
                keys += _feed_keys(place, name)[:2]
                arguments += [name, str(len(feeds[name]))]
                arguments += [part for event in feeds[name] for part in event]
            counts = cast("list[int]", self._append(keys, arguments))
            self._replication.wait_for(
                ReplicatedWrite(place, _feed_keys(place, name)[1], f"taken:{partition}", count)
                for name, count in zip(names, counts, strict=True)
            )

    def messages(self, partition: str, entries: Sequence[FeedEntry]) -> list[Message]:
        """Process entries in their order and return the messages to send, in that order.

        A subscription is answered, and gets the events that it resumes over; an event goes to those who subscribed
        before it. Raises RetryableError when the entries have to be processed again.
        """
        subscribed = {entry.feed: None for entry in entries if entry.action == "subscribe"}
        claims = {feed: self._claimed(partition, feed) for feed in subscribed}
        messages: list[Message] = []
        for entry, reply in zip(entries, self._served(partition, entries, claims), strict=True):
            messages += self._read(entry, reply)
        # No failover may take back a subscription that is answered.
        self._replication.wait_for(
            ReplicatedWrite(partition, _feed_keys(partition, message.order_id)[2], message.connection_id, 1)
            for message in messages
            if message.sequence == FIRST
        )
        return messages

    def again(self, partition: str, out_of_order: Sequence[Message]) -> list[Message]:
        """Return what is kept for connections that some messages came out of order for: at first one piece each."""
        return self.messages(partition, [_about(message, "again") for message in _one_each(out_of_order)])

    def end(self, partition: str, lost: Sequence[Message]) -> list[Message]:
        """End subscriptions of which events are missing that are not kept any more; return what says so."""
        ended = _one_each(lost)
        self.messages(partition, [_about(message, "unsubscribe") for message in ended])
        return [_refusal(_about(message, ""), {"error": LOST}) for message in ended]

    def forget(self, partition: str, gone: Sequence[Message]) -> None:
        """End the subscriptions of connections that are gone."""
        self.messages(partition, [_about(message, "unsubscribe") for message in _one_each(gone)])

    def _claimed(self, place: str, feed: str) -> _Claim:
        """Have every partition's events go into a feed from now on."""
        decision = cast("int", self._claim([_feed_keys(place, feed)[1]]))
        gaps = " ".join(self._flagged(feed, "on", decision))
        self._replication.wait_for(ReplicatedWrite(name, _flags(name), feed, 1) for name in self._partitions)
        return _Claim(decision, gaps)

    def _flagged(self, feed: str, state: str, decision: int) -> list[str]:
        return [cast("str", self._flag([_flags(name)], [feed, state, decision])) for name in self._partitions]

    def _served(self, partition: str, entries: Sequence[FeedEntry], claims: Mapping[str, _Claim]) -> list[list[Any]]:
        if not entries:
            return []
        keys = [key(partition, name) for name in ("watched:", "timers", "wakes", "status")]
        arguments: list[str | int] = [self._max_watchers, MAX_KEPT, PIECE, PAUSE_MS, KEEP_MS]
        for entry in entries:
            keys += _feed_keys(partition, entry.feed)
            arguments += [entry.action, entry.feed, entry.connection_id, entry.entry_id]
            match entry.action:
                case "feed":
                    arguments += [entry.first, entry.last, ""]
                case "subscribe":
                    arguments += [entry.resume, *claims[entry.feed]]
                case _:
                    arguments += [entry.subscription, entry.after, ""]
        return cast("list[list[Any]]", self._serve(keys, arguments))

    def _read(self, entry: FeedEntry, reply: list[Any]) -> Iterator[Message]:
        match reply:
            case ["events", watchers, first, events]:
                yield from _to_watchers(entry.feed, watchers, first, events)
            case ["subscribed", after, sequence, first, events]:
                # What follows begins behind `sequence`: a client that goes on from there misses nothing.
                latest = {"latest": sequence} if entry.resume else {}
                answer = _answer(entry.feed, {"subscribed": True, "sequence": after, **latest})
                yield Message(entry.connection_id, entry.feed, answer, FIRST, entry.entry_id)
                yield from _piece(entry, entry.entry_id, after, first, events)
            case ["piece", after, first, events]:
                yield from _piece(entry, entry.subscription, after, first, events)
            case ["ahead", _, sequence]:
                yield _refusal(entry, {"error": "resume is ahead of the sequence", "sequence": sequence})
            case ["too old", oldest, sequence]:
                yield _refusal(entry, {"error": "resume is too old", "oldest": oldest, "sequence": sequence})
            case ["too many", limit]:
                yield _refusal(entry, {"error": "too many watchers", "limit": limit})
            case ["off", decision]:
                self._flagged(entry.feed, "off", decision)
            case ["again"]:
                raise RetryableError(f"{entry.feed} was decided about meanwhile")


def _feed_keys(partition: str, feed: str) -> list[str]:
    """Return the keys of a feed's events, of its state, of its watchers, and of those who left it."""
    return [key(partition, f"{kind}:{feed}") for kind in ("feed", "feed-state", "feed-watchers", "feed-left")]


def _flags(partition: str) -> str:
    return key(partition, "feeds")


def _refusal(entry: FeedEntry, members: Mapping[str, object]) -> Message:
    """Return a message that belongs to no subscription, so that it has no place among others."""
    return Message(entry.connection_id, entry.feed, _answer(entry.feed, members))


def _answer(feed: str, members: Mapping[str, object]) -> str:
    return encoder.encode({"channel": channel_of(feed), **members}).decode()


def _frames(feed: str, first: int, events: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield events with their sequences, as clients get them."""
    channel = channel_of(feed)
    for sequence, event in enumerate(events, first):
        shown = f'"event":{public_event(event)}' if event else '"error":"events are missing"'
        yield sequence, f'{{"channel":"{channel}","sequence":{sequence},{shown}}}'


def _to_watchers(feed: str, watchers: Sequence[str], first: int, events: Sequence[str]) -> Iterator[Message]:
    """Yield the messages with events for those who get what comes, and have not had it in a piece.

    Who gets pieces by now may have been to get these at once, by a publisher that has ended before it sent them.
    """
    live = [(connection, *kept.split(" ")) for connection, kept in zip(watchers[::2], watchers[1::2], strict=True)]
    for sequence, frame in _frames(feed, first, events):
        for connection, subscription, after, at, is_live in live:
            if sequence > int(at) if is_live == "1" else int(after) < sequence <= int(at):
                yield Message(connection, feed, frame, _place(sequence, int(after)), subscription)


def _piece(entry: FeedEntry, subscription: str, after: int, first: int, events: Sequence[str]) -> Iterator[Message]:
    for sequence, frame in _frames(entry.feed, first, events):
        yield Message(entry.connection_id, entry.feed, frame, _place(sequence, after), subscription)


def _place(sequence: int, after: int) -> int:
    """Return an event's place among a subscription's messages, of which the first is the answer."""
    return sequence - after + 1


def _one_each(messages: Iterable[Message]) -> list[Message]:
    return list({(message.connection_id, message.order_id): message for message in messages}.values())


def _about(message: Message, action: str) -> FeedEntry:
    """Return what is to be done about a message's subscription, as an entry that is not from the stream."""
    return FeedEntry(message.order_id, action, "", message.connection_id, subscription=message.subscription)
