"""Redis Streams as the event source and the stages use them: read, acknowledge, defer, dead_letter, promote."""

from collections.abc import Iterable, Sequence
from typing import cast

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


class Streams:
    """The streams of one partition."""

    def __init__(self, client: redis.Redis, partition: str) -> None:
        self._client = client
        self.partition = partition
        self._timers, self._wake = key(partition, "timers"), key(partition, "wake")
        self._acknowledge = client.register_script(scripts.source("acknowledge"))
        self._defer = client.register_script(scripts.source("defer"))
        self._dead_letter = client.register_script(scripts.source("dead_letter"))
        self._load = client.register_script(scripts.source("load_orders"))
        self._promote = client.register_script(scripts.source("promote"))

    def create_group(self, stream: str, group: str) -> None:
        """Let `group` read `stream` from its beginning; do nothing where it does already."""
        try:
            self._client.xgroup_create(key(self.partition, stream), group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def deliveries(self, stream: str, group: str, count: int, after: str = "0") -> list[int]:
        """Return how often each of up to `count` entries was handed out and never acknowledged, oldest first."""
        waiting = self._client.xpending_range(key(self.partition, stream), group, f"({after}", "+", count)
        return [int(entry["times_delivered"]) for entry in waiting]

    def read_pending(self, stream: str, group: str, count: int, after: str = "0") -> list[Entry]:
        """Return up to `count` entries that were handed out before and never acknowledged, oldest first.

        Each is handed out once more by that.
        """
        return self._read(stream, group, count, after, block_ms=None)

    def release(self, stream: str, group: str, ids: Sequence[str]) -> None:
        """Leave entries pending as if they had not been handed out."""
        if ids:
            self._client.xclaim(key(self.partition, stream), group, CONSUMER, 0, list(ids), retrycount=0, justid=True)

    def read_new(self, stream: str, group: str, count: int, block_ms: int | None) -> list[Entry]:
        """Return up to `count` entries that nobody of the group has seen, waiting `block_ms` (or not) for the first."""
        return self._read(stream, group, count, ">", block_ms=block_ms)

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
            self._defer([self._timers, self._wake, key(self.partition, stream)], arguments)

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

    def promote(self, streams: Sequence[str], limit: int = 200) -> tuple[int, int | None]:
        """Move up to `limit` due messages from the timer set to their streams.

        Returns how many moved, and the milliseconds until the next is due (None when none waits).
        """
        keys = [self._timers, self._wake, *(key(self.partition, stream) for stream in streams)]
        moved, next_ms = self._promote(keys, [limit, *streams])
        return moved, None if next_ms < 0 else next_ms

    def wait_for_timer(self, timeout_ms: int) -> None:
        """Return when a timer becomes the earliest, or after `timeout_ms`."""
        self._client.blpop([self._wake], timeout=max(timeout_ms, 1) / 1000)

    def _read(self, stream: str, group: str, count: int, after: str, block_ms: int | None) -> list[Entry]:
        reply = cast(
            _Reply,
            self._client.xreadgroup(group, CONSUMER, {key(self.partition, stream): after}, count=count, block=block_ms),
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
            entry = entries[place]
            entries[place] = Entry(entry.id, entry.fields, entry.attempt, merge(steps)) if steps else _done(entry)
        return entries


def _done(entry: Entry) -> Entry:
    """Return an entry of whose order nothing is left in Redis, since it has ended and its end is recorded."""
    return Entry(entry.id, {}, entry.attempt)


def _entry(entry_id: str, fields: dict[str, str]) -> Entry:
    """Return an entry; one that was removed while pending has no fields left."""
    attempt = fields.pop("attempt", "1")
    return Entry(entry_id, fields, int(attempt))
