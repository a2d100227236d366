"""One mapping on one partition: its function is handed entries, which are acknowledged, tried again or given up."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import msgspec
import redis

from orderflow.adapters.streams import Done, Entry, Reading, Streams, made_at_ms
from orderflow.errors import RetryableError
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.event_source.invoke import FunctionError, Invoke
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.slowness import Calls
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import count as count_events
from orderflow.runtime.observability import record

FIRST_RETRY_MS = 1000
LOOK_BACK_S = 5.0
"""An event source that lost its lease may still have read a batch after its successor looked, and died with it. So what
is pending is looked at again and again."""
WAIT_S = (0.25, 0.5, 1.0, 2.0)
"""Waits for something that is unavailable, one after the other; then always the last. Short, to be back soon."""

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


def waits() -> Iterator[float]:
    """Yield how many seconds to wait for something that is unavailable, time after time."""
    return (WAIT_S[min(number, len(WAIT_S) - 1)] for number in count())


class MappedFunction:
    """One mapping on one partition.

    It never waits itself: a batch that has to wait is held until `resume_at`, on `clock`, when a poller calls `resume`.
    First of all that takes up the entries that the last lease holder read and did not acknowledge.
    """

    def __init__(
        self,
        mapping: EventSourceMapping,
        streams: Streams,
        invoke: Invoke,
        failure_destination: FailureDestination,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mapping = mapping
        self.calls = Calls(clock)
        self.resume_at = clock()
        self._streams = streams
        self._invoke = invoke
        self._failure_destination = failure_destination
        self._clock = clock
        self._waits = waits()
        self._held: Sequence[Entry] = ()
        self._done: list[str] = []
        self._begins = True
        self._recovered_to: str | None = "0"
        """Up to which entry those that are pending have been taken up; None when all of them have."""
        self._answered: set[str] = set()
        """Entries whose function has answered, but that could not be acknowledged yet: they ended no process."""

    @property
    def reading(self) -> Reading | None:
        """The new entries that the function takes now: none while it has others to do first."""
        if self._held or self._recovered_to is not None:
            return None
        return Reading(self.mapping.stream, self.mapping.function, self.mapping.batch_size)

    @property
    def is_due(self) -> bool:
        """Whether `resume` should be called now."""
        return not self._done and self._clock() >= self.resume_at

    @property
    def done(self) -> Done | None:
        """The entries to be acknowledged with the next turn, of which `acknowledged` has to be called then."""
        return Done(self.mapping.stream, self.mapping.function, self._done) if self._done else None

    def acknowledged(self) -> None:
        """Forget what is done."""
        self._answered.difference_update(self._done)
        self._done = []

    def handle(self, entries: Sequence[Entry]) -> None:
        """Invoke the function on entries; then each is done, tried again later, or given up.

        Raises redis' errors, and RetryableError when the order of an entry that is given up can't be ended now.
        """
        self._held = self._own(entries)
        if self._held:
            record("record_age_ms", (self.mapping.function,), max(now_ms() - made_at_ms(self._held[0].id), 0))
        self._go_on()

    def resume(self) -> None:
        """Go on with the batch that is held, or with what was handed out and never acknowledged. Raises as `handle`."""
        if self._held:
            self._go_on()
            return
        if self._begins:
            self._streams.create_group(self.mapping.stream, self.mapping.function)
            self._begins = False
        self._recover(self._recovered_to or "0")

    def start_over(self) -> None:
        """Leave all entries under way pending, to recover them from there."""
        self._held, self._done = (), []
        self._begins, self._recovered_to = True, "0"
        self.resume_at = self._clock()

    def back_off(self, error: Exception) -> None:
        """Start over after a wait, since `error` was raised here."""
        self.start_over()
        wait_s = next(self._waits)
        self.resume_at += wait_s
        log_wait(error, wait_s, self._names())

    def _recover(self, after: str) -> None:
        """Handle the next entries that were handed out and never acknowledged: their process died, or Redis was
        unavailable.

        A record may be what the process died of. One that was handed out twice is handed out alone, so that only the
        one at fault is handed out more often, and after the last attempt it is given up (decision 0022).
        """
        mapping, streams = self.mapping, self._streams
        entries: Sequence[Entry] = ()
        if deliveries := streams.deliveries(mapping.stream, mapping.function, mapping.batch_size, after):
            once = next((place for place, times in enumerate(deliveries) if times > 1), len(deliveries))
            entries = streams.read_pending(mapping.stream, mapping.function, max(once, 1), after)
        if not entries:
            self._recovered_to = None
            self.resume_at = self._clock() + LOOK_BACK_S
            return
        self._recovered_to = entries[-1].id
        entries = self._own(entries)
        answered = self._answered.issuperset(entry.id for entry in entries)
        if deliveries[0] > max(mapping.maximum_retry_attempts, 1) and not answered:
            error = f"{mapping.function} never answered to it"
            suspects = [(msgspec.structs.replace(entry, attempt=deliveries[0]), error) for entry in entries]
            self._failure_destination.dead_letter(streams, mapping, suspects)
        else:
            self.handle(entries)

    def _go_on(self) -> None:
        """Invoke the function on what is held, until nothing is left or the rest has to wait."""
        while self._held:
            entries, wait_s = self._held, 0.0
            try:
                failed = self._process(entries)
            except RetryableError as error:
                wait_s = next(self._waits)
                self._count("waits", 1)
                logger.warning("batch waits", extra=self._names() | {"error": str(error), "wait_s": wait_s})
            else:
                self._answered.update(entry.id for entry in entries)
                self._held, wait_s = self._acknowledge_or_retry(entries, failed)
                self._answered.difference_update({entry.id for entry in entries}.difference(self._done))
            if wait_s:
                # Should this process end while it waits, these records are not to blame for it.
                self._streams.release(self.mapping.stream, self.mapping.function, [each.id for each in self._held])
                self.resume_at = self._clock() + wait_s
                return
        self._waits = waits()

    def _process(self, entries: Sequence[Entry]) -> list[Failed]:
        """Invoke the function and return the entries that failed, with the error.

        A function that fails as a whole gets the batch in halves, down to the entry at fault, so that one poisoned
        record does not fail the others too; where order counts, those behind it are left for later. Raises
        RetryableError when the batch should wait.
        """
        try:
            with self.calls.timed():
                response = self._invoke(self.mapping.function, self._event(entries))
            return self._failed_items(entries, response)
        except FunctionError as error:
            self._count("errors", 1)
            if len(entries) == 1:
                return [(entries[0], str(error))]
        middle = len(entries) // 2
        failed = self._process(entries[:middle])
        if failed and self.mapping.ordered:
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
        function = self.mapping.function
        others = [entry for entry in entries if not entry.fields or entry.fields.get("function", function) != function]
        self._acknowledge(others)
        return [entry for entry in entries if entry not in others] if others else entries

    def _acknowledge_or_retry(self, entries: Sequence[Entry], failed: Sequence[Failed]) -> tuple[list[Entry], float]:
        """Acknowledge, defer or give up; return the entries to hand out again here, and after how many seconds.

        Where order counts, those are the first entry that failed, one attempt higher, and all behind it.
        """
        if not failed:
            self._done = [entry.id for entry in entries]
            return [], 0
        if self.mapping.ordered:
            return self._acknowledge_or_retry_in_order(entries, failed)
        mapping, streams = self.mapping, self._streams
        failed_ids = {entry.id for entry, _ in failed}
        self._acknowledge([entry for entry in entries if entry.id not in failed_ids])
        self._failure_destination.dead_letter(streams, mapping, [item for item in failed if self._was_last(item[0])])
        retries = [(entry, retry_delay_ms(entry.attempt)) for entry, _ in failed if not self._was_last(entry)]
        streams.defer(mapping.stream, mapping.function, retries)
        self._count("retries", len(retries))
        return [], 0

    def _acknowledge_or_retry_in_order(
        self, entries: Sequence[Entry], failed: Sequence[Failed]
    ) -> tuple[list[Entry], float]:
        errors = {entry.id: error for entry, error in failed}
        place, first = next((place, entry) for place, entry in enumerate(entries) if entry.id in errors)
        self._acknowledge(entries[:place])
        behind = list(entries[place + 1 :])
        if self._was_last(first):
            self._failure_destination.dead_letter(self._streams, self.mapping, [(first, errors[first.id])])
            return behind, 0
        again = msgspec.structs.replace(first, attempt=first.attempt + 1)
        self._count("retries", 1)
        return [again, *behind], retry_delay_ms(first.attempt) / 1000

    def _was_last(self, entry: Entry) -> bool:
        return entry.attempt > self.mapping.maximum_retry_attempts

    def _acknowledge(self, entries: Sequence[Entry]) -> None:
        self._streams.acknowledge(self.mapping.stream, self.mapping.function, [entry.id for entry in entries])

    def _event(self, entries: Sequence[Entry]) -> dict[str, Any]:
        stream, partition = self.mapping.stream, self._streams.partition
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

    def _count(self, name: str, events: int) -> None:
        if events:
            count_events(self.mapping.function, {name: events})

    def _names(self) -> dict[str, str]:
        return {"function": self.mapping.function, "partition": self._streams.partition}


def log_wait(error: Exception, wait_s: float, names: dict[str, str]) -> None:
    """Write a line: something waits because of an error.

    When Redis is unavailable the event source logs one line for all its pollers; any other error is worth its own.
    """
    worth_a_line = isinstance(error, redis.ResponseError | RetryableError)
    write = logger.warning if worth_a_line else logger.debug
    write("poller waits", extra=names | {"error": str(error), "wait_s": wait_s})
