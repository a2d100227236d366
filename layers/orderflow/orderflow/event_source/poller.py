"""Reads one stream of one partition and hands its records to the function bound to it, until told to stop."""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import msgspec
import redis

from orderflow.adapters.streams import Entry, Streams
from orderflow.errors import RetryableError
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.invoke import FunctionError, Invoke
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.logging import get_logger

BLOCK_MS = 500
FIRST_RETRY_MS = 1000
LOOK_BACK_S = 5.0
WAIT_S = (0.25, 0.5, 1.0, 2.0)
"""How long to wait for something that is away, time after time; then always the last. Short, to be back soon."""

LINGER_FROM = 8
LINGER_S = 0.005
"""After a batch of so many records more are on their way; a little wait makes the next batch worth its fixed cost."""

EVENT_SOURCE = "orderflow:stream"

logger = get_logger("event_source")

Failed = tuple[Entry, str]


class _Response(msgspec.Struct, rename="camel"):
    class Item(msgspec.Struct, rename="camel"):
        item_identifier: str
        error: str = "reported as failed"

    batch_item_failures: list[Item] | None = None


def retry_delay_ms(attempt: int) -> int:
    """Return how long a record rests after its `attempt`-th attempt failed: 1 s, 2 s, 4 s, …"""
    return FIRST_RETRY_MS * int(2 ** (attempt - 1))


class Poller:
    """One mapping on one partition."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        streams: Streams,
        invoke: Invoke,
        dead_letters: DeadLetters,
        stop: threading.Event,
    ) -> None:
        self._mapping = mapping
        self._streams = streams
        self._invoke = invoke
        self._dead_letters = dead_letters
        self._stop = stop
        self._under_load = False

    def run(self) -> None:
        """Work until stopped. First comes what the partition's former owner read and did not acknowledge."""
        waits = self._waits()
        while not self._stop.is_set():
            try:
                self._streams.create_group(self._mapping.stream, self._mapping.function)
                while not self._stop.is_set():
                    self._take_over()
                    self._read_on()
                    waits = self._waits()
            except (redis.RedisError, OSError) as error:
                # Whatever was under way is pending, and is taken up again from there. That Redis is away the event
                # source says once for all its pollers; anything else is worth a line.
                write = logger.warning if isinstance(error, redis.ResponseError) else logger.debug
                wait_s = next(waits)
                write("poller waits", extra=self._names() | {"error": str(error), "wait_s": wait_s})
                self._stop.wait(wait_s)

    def handle(self, entries: Sequence[Entry]) -> None:
        """Invoke the function on entries and settle each: acknowledged, to be tried again, or given up."""
        waits = self._waits()
        while entries:
            try:
                failed = self._process(entries)
            except RetryableError as error:
                wait_s = next(waits)
                logger.warning("batch waits", extra=self._names() | {"error": str(error), "wait_s": wait_s})
                if self._stop.wait(wait_s):
                    return
                continue
            entries = self._settle(entries, failed)
            if entries and self._stop.wait(retry_delay_ms(entries[0].attempt - 1) / 1000):
                return

    def _read_on(self) -> None:
        """Handle new entries until it is time to look for old ones again.

        An owner that lost its lease may still have read a batch after its successor looked, and died with it.
        """
        until = time.monotonic() + LOOK_BACK_S
        while not self._stop.is_set() and time.monotonic() < until:
            self.handle(self._read())

    def _take_over(self) -> None:
        mapping = self._mapping
        after = "0"
        while not self._stop.is_set():
            entries = self._streams.read_pending(mapping.stream, mapping.function, mapping.batch_size, after)
            if not entries:
                return
            after = entries[-1].id
            lost = [entry.id for entry in entries if not entry.fields]
            self._streams.acknowledge(mapping.stream, mapping.function, lost)
            self.handle([entry for entry in entries if entry.fields])

    def _read(self) -> list[Entry]:
        mapping = self._mapping
        if self._under_load:
            self._stop.wait(LINGER_S)
        entries = self._streams.read_new(mapping.stream, mapping.function, mapping.batch_size, BLOCK_MS)
        self._under_load = len(entries) >= LINGER_FROM
        room = mapping.batch_size - len(entries)
        if entries and room and mapping.maximum_batching_window_ms:
            self._stop.wait(mapping.maximum_batching_window_ms / 1000)
            entries += self._streams.read_new(mapping.stream, mapping.function, room, block_ms=None)
        return entries

    def _process(self, entries: Sequence[Entry]) -> list[Failed]:
        """Invoke the function and return the entries that failed, with the error.

        A function that fails as a whole gets the batch in halves, down to the entry at fault, so that one poisoned
        record does not take the others with it. Raises RetryableError when the batch should wait.
        """
        try:
            return self._failed_items(entries, self._invoke(self._mapping.function, self._event(entries)))
        except FunctionError as error:
            if len(entries) == 1:
                return [(entries[0], str(error))]
        middle = len(entries) // 2
        return self._process(entries[:middle]) + self._process(entries[middle:])

    def _failed_items(self, entries: Sequence[Entry], response: Any) -> list[Failed]:
        """Return the entries that a response names; one that makes no sense fails the whole batch, as on Lambda."""
        try:
            items = msgspec.convert(response or {}, _Response).batch_item_failures or []
        except msgspec.ValidationError as error:
            raise FunctionError(f"the response is no batch response: {error}") from error
        errors = {item.item_identifier: item.error for item in items}
        unknown = errors.keys() - {entry.id for entry in entries}
        if unknown:
            raise FunctionError(f"the response names records that were not sent: {sorted(unknown)}")
        return [(entry, errors[entry.id]) for entry in entries if entry.id in errors]

    def _settle(self, entries: Sequence[Entry], failed: Sequence[Failed]) -> list[Entry]:
        """Acknowledge, defer or give up; return what has to be tried again here, each one attempt higher."""
        mapping, streams = self._mapping, self._streams
        failed_ids = {entry.id for entry, _ in failed}
        last = mapping.maximum_retry_attempts + 1
        again = [entry for entry, _ in failed if entry.attempt < last]
        streams.acknowledge(
            mapping.stream, mapping.function, [entry.id for entry in entries if entry.id not in failed_ids]
        )
        self._dead_letters.bury(streams, mapping, [(entry, error) for entry, error in failed if entry.attempt >= last])
        if mapping.ordered:
            return [msgspec.structs.replace(entry, attempt=entry.attempt + 1) for entry in again]
        retries = ((entry, retry_delay_ms(entry.attempt)) for entry in again)
        streams.defer(mapping.stream, mapping.function, retries)
        return []

    def _event(self, entries: Sequence[Entry]) -> dict[str, Any]:
        stream, partition = self._mapping.stream, self._streams.partition
        return {
            "Records": [
                {
                    "messageId": entry.id,
                    "eventSource": EVENT_SOURCE,
                    "stream": stream,
                    "partition": partition,
                    "attempt": entry.attempt,
                    "data": entry.fields,
                }
                for entry in entries
            ]
        }

    def _names(self) -> dict[str, str]:
        return {"function": self._mapping.function, "partition": self._streams.partition}

    @staticmethod
    def _waits() -> Iterator[float]:
        return (WAIT_S[min(number, len(WAIT_S) - 1)] for number in count())
