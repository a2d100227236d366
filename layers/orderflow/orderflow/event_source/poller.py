"""Reads one stream of one partition and hands its records to the mapped function, until stopped."""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import msgspec
import redis

from orderflow.adapters.streams import Entry, Streams
from orderflow.errors import RetryableError
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.event_source.invoke import FunctionError, Invoke
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.logging import get_logger

BLOCK_MS = 500
FIRST_RETRY_MS = 1000
LOOK_BACK_S = 5.0
WAIT_S = (0.25, 0.5, 1.0, 2.0)
"""Waits for something that is unavailable, one after the other; then always the last. Short, to be back soon."""

LINGER_FROM = 8
LINGER_S = 0.005
"""After so many records more are on their way; a little wait makes the next batch worth its cost (decision 0014)."""

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
        failure_destination: FailureDestination,
        stop: threading.Event,
    ) -> None:
        self._mapping = mapping
        self._streams = streams
        self._invoke = invoke
        self._failure_destination = failure_destination
        self._stop = stop
        self._under_load = False
        self._answered: set[str] = set()
        """Entries whose function has answered, but that could not be acknowledged yet: they ended no process."""

    def run(self) -> None:
        """Work until stopped. First come the entries that the last lease holder read and did not acknowledge."""
        waits = self._waits()
        while not self._stop.is_set():
            try:
                self._streams.create_group(self._mapping.stream, self._mapping.function)
                while not self._stop.is_set():
                    self._recover_pending()
                    self._read_on()
                    waits = self._waits()
            except (redis.RedisError, RetryableError, OSError) as error:
                # All entries under way are pending, and are recovered from there. When Redis is unavailable the event
                # source logs one line for all its pollers; any other error is worth a line of its own.
                worth_a_line = isinstance(error, redis.ResponseError | RetryableError)
                write = logger.warning if worth_a_line else logger.debug
                wait_s = next(waits)
                write("poller waits", extra=self._names() | {"error": str(error), "wait_s": wait_s})
                self._stop.wait(wait_s)

    def handle(self, entries: Sequence[Entry]) -> None:
        """Invoke the function on entries; then each is acknowledged, tried again later, or given up."""
        waits = self._waits()
        entries = self._own(entries)
        while entries:
            try:
                failed = self._process(entries)
            except RetryableError as error:
                wait_s = next(waits)
                logger.warning("batch waits", extra=self._names() | {"error": str(error), "wait_s": wait_s})
            else:
                ids = {entry.id for entry in entries}
                self._answered |= ids
                entries, wait_s = self._acknowledge_or_retry(entries, failed)
                self._answered -= ids
            if wait_s:
                # Should this process end while it waits, these records are not to blame for it.
                self._streams.release(self._mapping.stream, self._mapping.function, [each.id for each in entries])
                if self._stop.wait(wait_s):
                    return

    def _read_on(self) -> None:
        """Handle new entries until it is time to look for pending ones again.

        An event source that lost its lease may still have read a batch after its successor looked, and died with it.
        """
        until = time.monotonic() + LOOK_BACK_S
        while not self._stop.is_set() and time.monotonic() < until:
            self.handle(self._read())

    def _recover_pending(self) -> None:
        """Handle entries that were handed out and never acknowledged: their process died, or Redis was unavailable.

        A record may be what the process died of. One that was handed out twice is handed out alone, so that only the
        one at fault is handed out more often, and after the last attempt it is given up (decision 0022).
        """
        mapping, streams = self._mapping, self._streams
        after = "0"
        while not self._stop.is_set():
            deliveries = streams.deliveries(mapping.stream, mapping.function, mapping.batch_size, after)
            if not deliveries:
                return
            once = next((place for place, times in enumerate(deliveries) if times > 1), len(deliveries))
            entries = streams.read_pending(mapping.stream, mapping.function, max(once, 1), after)
            if not entries:
                return
            after = entries[-1].id
            self._acknowledge([entry for entry in entries if not entry.fields])
            entries = [entry for entry in entries if entry.fields]
            answered = self._answered.issuperset(entry.id for entry in entries)
            if deliveries[0] > max(mapping.maximum_retry_attempts, 1) and not answered:
                error = f"{mapping.function} never answered to it"
                suspects = [(msgspec.structs.replace(entry, attempt=deliveries[0]), error) for entry in entries]
                self._failure_destination.dead_letter(streams, mapping, suspects)
            else:
                self.handle(entries)

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
        record does not fail the others too; where order counts, those behind it are left for later. Raises
        RetryableError when the batch should wait.
        """
        try:
            return self._failed_items(entries, self._invoke(self._mapping.function, self._event(entries)))
        except FunctionError as error:
            if len(entries) == 1:
                return [(entries[0], str(error))]
        middle = len(entries) // 2
        failed = self._process(entries[:middle])
        if failed and self._mapping.ordered:
            return failed
        return failed + self._process(entries[middle:])

    def _failed_items(self, entries: Sequence[Entry], response: Any) -> list[Failed]:
        """Return the entries that a response names; a response that is invalid fails the whole batch, as on Lambda."""
        try:
            items = msgspec.convert({} if response is None else response, _Response).batch_item_failures or []
        except msgspec.ValidationError as error:
            raise FunctionError(f"the response is no batch response: {error}") from error
        errors = {item.item_identifier: item.error for item in items}
        unknown = errors.keys() - {entry.id for entry in entries}
        if unknown:
            raise FunctionError(f"the response names records that were not sent: {sorted(unknown)}")
        return [(entry, errors[entry.id]) for entry in entries if entry.id in errors]

    def _own(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return this function's entries: a redriven dead letter is for the function that gave it up alone.

        Nor is there anything to do where nothing is left of an entry, or of its order.
        """
        function = self._mapping.function
        others = [entry for entry in entries if not entry.fields or entry.fields.get("function", function) != function]
        self._acknowledge(others)
        return [entry for entry in entries if entry not in others] if others else entries

    def _acknowledge_or_retry(self, entries: Sequence[Entry], failed: Sequence[Failed]) -> tuple[list[Entry], float]:
        """Acknowledge, defer or give up; return the entries to hand out again here, and after how many seconds.

        Where order counts, those are the first entry that failed, one attempt higher, and all behind it.
        """
        if self._mapping.ordered:
            return self._acknowledge_or_retry_in_order(entries, failed)
        mapping, streams = self._mapping, self._streams
        failed_ids = {entry.id for entry, _ in failed}
        self._acknowledge([entry for entry in entries if entry.id not in failed_ids])
        self._failure_destination.dead_letter(streams, mapping, [item for item in failed if self._was_last(item[0])])
        retries = ((entry, retry_delay_ms(entry.attempt)) for entry, _ in failed if not self._was_last(entry))
        streams.defer(mapping.stream, mapping.function, retries)
        return [], 0

    def _acknowledge_or_retry_in_order(
        self, entries: Sequence[Entry], failed: Sequence[Failed]
    ) -> tuple[list[Entry], float]:
        if not failed:
            self._acknowledge(entries)
            return [], 0
        errors = {entry.id: error for entry, error in failed}
        place, first = next((place, entry) for place, entry in enumerate(entries) if entry.id in errors)
        self._acknowledge(entries[:place])
        behind = list(entries[place + 1 :])
        if self._was_last(first):
            self._failure_destination.dead_letter(self._streams, self._mapping, [(first, errors[first.id])])
            return behind, 0
        again = msgspec.structs.replace(first, attempt=first.attempt + 1)
        return [again, *behind], retry_delay_ms(first.attempt) / 1000

    def _was_last(self, entry: Entry) -> bool:
        return entry.attempt > self._mapping.maximum_retry_attempts

    def _acknowledge(self, entries: Sequence[Entry]) -> None:
        self._streams.acknowledge(self._mapping.stream, self._mapping.function, [entry.id for entry in entries])

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
                    "data": entry.data,
                }
                for entry in entries
            ]
        }

    def _names(self) -> dict[str, str]:
        return {"function": self._mapping.function, "partition": self._streams.partition}

    @staticmethod
    def _waits() -> Iterator[float]:
        return (WAIT_S[min(number, len(WAIT_S) - 1)] for number in count())
