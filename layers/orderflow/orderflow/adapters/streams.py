"""Redis Streams as the event source uses them: turns, waits between them, and what becomes of entries that failed."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import key, order_key
from orderflow.adapters.messages import merge, order_name

_Reply = list[tuple[str, list[tuple[str, dict[str, str]]]]]

CONSUMER = "owner"
"""All lease holders of a partition read under this one name, so the next one finds the entries pending of the last."""


class Entry(msgspec.Struct, frozen=True):
    """A stream's entry: its id, and its fields as text (`attempt` is taken out of them).

    `order` is the order that the entry names, as JSON. An entry whose order has left Redis has no fields any more, like
    one that was removed: nothing is left to be done.
    """

    id: str
    fields: dict[str, str]
    attempt: int
    order: str = ""

    @property
    def data(self) -> dict[str, str]:
        """The fields as the function gets them, with the order itself where the entry only names it."""
        return self.fields | {"order": self.order} if self.order else self.fields


def made_at_ms(entry_id: str) -> int:
    """Return when an entry was added, by Redis' clock, in milliseconds since 1970."""
    return int(entry_id.partition("-")[0])


class Reading(NamedTuple):
    """Entries of a stream that nobody of the group has seen, at most so many."""

    stream: str
    group: str
    most: int


class Done(NamedTuple):
    """Entries of a stream with which a group is done, by id."""

    stream: str
    group: str
    ids: Sequence[str]


class Turn(NamedTuple):
    """What a turn brought: the entries that one reading found, or, when none found any, what to wait for."""

    place: int = -1
    """The reading's place among those that were asked for."""
    entries: Sequence[Entry] = ()
    next_ms: int | None = None
    """The milliseconds until a timer is due; None when none waits, or timers were not asked for."""
    last_ids: Mapping[str, str] = MappingProxyType({})
    """By key on which something may come, the id behind which it would be; `Streams.wait` takes it."""


class Streams:
    """The streams of one partition."""

    def __init__(self, client: redis.Redis, partition: str) -> None:
        self._client = client
        self.partition = partition
        self._timers, self._wakes = key(partition, "timers"), key(partition, "wakes")
        self._turn = client.register_script(scripts.source("turn"))
        self._acknowledge = client.register_script(scripts.source("acknowledge"))
        self._defer = client.register_script(scripts.source("defer"))
        self._dead_letter = client.register_script(scripts.source("dead_letter"))
        self._load = client.register_script(scripts.source("load_orders"))

    def create_group(self, stream: str, group: str) -> None:
        """Let `group` read `stream` from its beginning; do nothing where it does already."""
        try:
            self._client.xgroup_create(key(self.partition, stream), group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def turn(
        self,
        readings: Sequence[Reading],
        *,
        done: Sequence[Done] = (),
        timers_of: Sequence[str] | None = None,
        limit: int = 200,
    ) -> Turn:
        """Acknowledge what is done, promote timers that are due, and return the entries that the first reading finds.

        Up to `limit` messages for the streams `timers_of` are moved from the timer set to these; with None the timers
        are left to another poller.
        """
        mentioned = [*(each.stream for each in readings), *(each.stream for each in done)]
        streams = dict.fromkeys([*(timers_of or ()), *mentioned])
        places = {stream: place for place, stream in enumerate(streams, 1)}
        arguments: list[str | int] = [CONSUMER, 0 if timers_of is None else limit, len(done)]
        for stream, group, ids in done:
            arguments += [places[stream], len(ids), group, *ids]
        for stream, group, most in readings:
            arguments += [places[stream], group, most]
        keys = [self._timers, self._wakes, *(key(self.partition, stream) for stream in streams)]
        place, entries, next_ms, last_ids = self._turn(keys, arguments)
        if place:
            return Turn(place - 1, [_entry_of(*entry) for entry in entries])
        awaited = [key(self.partition, each.stream) for each in readings]
        if timers_of is not None:
            awaited.append(self._wakes)
        # Of wakes the script returns an id in any case.
        return Turn(next_ms=None if next_ms < 0 else next_ms, last_ids=dict(zip(awaited, last_ids, strict=False)))

    def wait(self, last_ids: Mapping[str, str], timeout_ms: int) -> None:
        """Return when there is something behind these ids, or after `timeout_ms`, up to 100 ms late."""
        self._client.xread(cast("dict[Any, Any]", last_ids), count=1, block=max(timeout_ms, 1))

    def read_new(self, reading: Reading, block_ms: int | None) -> list[Entry]:
        """Return the entries of a reading, waiting `block_ms` (or not) for the first.

        Large entries are read at less cost than in a turn, where a script has to look at them.
        """
        return self._read(reading, ">", block_ms)

    def deliveries(self, stream: str, group: str, count: int, after: str = "0") -> list[int]:
        """Return how often each of up to `count` entries was handed out and never acknowledged, oldest first."""
        waiting = self._client.xpending_range(key(self.partition, stream), group, f"({after}", "+", count)
        return [int(entry["times_delivered"]) for entry in waiting]

    def read_pending(self, stream: str, group: str, count: int, after: str = "0") -> list[Entry]:
        """Return up to `count` entries that were handed out before and never acknowledged, oldest first.

        Each is handed out once more by that.
        """
        return self._read(Reading(stream, group, count), after, block_ms=None)

    def release(self, stream: str, group: str, ids: Sequence[str]) -> None:
        """Leave entries pending as if they had not been handed out."""
        if ids:
            self._client.xclaim(key(self.partition, stream), group, CONSUMER, 0, list(ids), retrycount=0, justid=True)

    def acknowledge(self, stream: str, group: str, ids: Sequence[str]) -> None:
        """Forget entries whose work is done."""
        if ids:
            self._acknowledge([key(self.partition, stream)], [group, *ids])

    def defer(self, stream: str, group: str, retries: Iterable[tuple[Entry, int]]) -> None:
        """Take entries off the stream and deliver each again after its delay in milliseconds, one attempt higher."""
        arguments: list[str | int] = [group, stream]
        for entry, delay_ms in retries:
            arguments += [entry.id, entry.attempt + 1, delay_ms, entry.fields["order"]]
        if len(arguments) > 2:
            self._defer([self._timers, self._wakes, key(self.partition, stream)], arguments)

    def dead_letter(self, stream: str, group: str, entry: Entry, error: str) -> None:
        """Move an entry to the partition's dead-letter stream, with all that a person needs to redrive it."""
        record = {
            **entry.fields,
            "function": group,
            "stream": stream,
            "attempts": str(entry.attempt),
            "error": error,
            "message_id": entry.id,
        }
        keys = [key(self.partition, stream), key(self.partition, "dead")]
        self._dead_letter(keys, [group, entry.id, *(part for pair in record.items() for part in pair)])

    def _read(self, reading: Reading, after: str, block_ms: int | None) -> list[Entry]:
        stream, group, most = reading
        reply = cast(
            _Reply,
            self._client.xreadgroup(group, CONSUMER, {key(self.partition, stream): after}, count=most, block=block_ms),
        )
        return self._with_orders([_entry(entry_id, fields) for _, entries in reply for entry_id, fields in entries])

    def _with_orders(self, entries: list[Entry]) -> list[Entry]:
        """Return entries with the orders that they name."""
        named = {place: name for place, entry in enumerate(entries) if (name := order_name(entry.fields))}
        if not named:
            return entries
        keys = [order_key(self.partition, order_id) for order_id, _ in named.values()]
        loaded = self._load(keys, [sequence for _, sequence in named.values()])
        for place, steps in zip(named, loaded, strict=True):
            entries[place] = _with_steps(entries[place], steps)
        return entries


def _entry_of(entry_id: str, pairs: list[str], steps: list[str | None] | None = None) -> Entry:
    """Return an entry as a turn brings it, with the steps of the order that it names."""
    parts = iter(pairs)
    entry = _entry(entry_id, dict(zip(parts, parts, strict=True)))
    return entry if steps is None else _with_steps(entry, steps)


def _with_steps(entry: Entry, kept: list[str | None]) -> Entry:
    """Return an entry with the order that it names.

    One of whose order nothing is left in Redis has ended, and its end is recorded.
    """
    steps = [step for step in kept if step]
    return Entry(entry.id, entry.fields if steps else {}, entry.attempt, merge(steps) if steps else "")


def _entry(entry_id: str, fields: dict[str, str]) -> Entry:
    """Return an entry; one that was removed while pending has no fields left."""
    attempt = fields.pop("attempt", "1")
    return Entry(entry_id, fields, int(attempt))
