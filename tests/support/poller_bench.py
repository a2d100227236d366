"""A poller among fakes, with a journal of what it does."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from orderflow.adapters.streams import Done, Entry, Reading, Streams, Turn
from orderflow.event_source.failure_destination import EndOrder, FailureDestination
from orderflow.event_source.invoke import FunctionError
from orderflow.event_source.mapped_function import MappedFunction
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.poller import Poller, Serves

STAGE = EventSourceMapping(function="route_order", stream="route", batch_size=10)
ORDERED = EventSourceMapping(function="publish_status", stream="status", ordered=True, batch_size=10)

Answer = Callable[[list[str]], Any]


class FakeStreams(Streams):
    """A partition's streams in memory. What is done to entries goes to a journal, in its order.

    `pending` and `new` are the batches that are read, one after the other; when none is left, `stop` is set.
    `delivered` says how often the pending ones were handed out, once each unless it is filled.
    """

    def __init__(self, journal: list[Any], stop: threading.Event, partition: str = "p0") -> None:
        self.partition = partition
        self.pending: list[list[Entry]] = []
        self.delivered: list[list[int]] = []
        self.new: list[list[Entry] | Exception] = []
        self._journal = journal
        self._stop = stop

    def create_group(self, stream: str, group: str) -> None:
        self._journal.append(("group", stream, group))

    def deliveries(self, stream: str, group: str, count: int, after: str = "0") -> list[int]:
        self._journal.append(("deliveries", count, after))
        if self.delivered:
            return self.delivered.pop(0)
        return [1] * len(self.pending[0]) if self.pending else []

    def release(self, stream: str, group: str, ids: Sequence[str]) -> None:
        self._journal.append(("release", *ids))

    def read_pending(self, stream: str, group: str, count: int, after: str = "0") -> list[Entry]:
        self._journal.append(("read pending", count, after))
        return self.pending.pop(0) if self.pending else []

    def turn(
        self,
        readings: Sequence[Reading],
        *,
        done: Sequence[Done] = (),
        timers_of: Sequence[str] | None = None,
        limit: int = 200,
    ) -> Turn:
        self._journal += [("acknowledge", *each.ids) for each in done]
        if not readings:
            return Turn()
        self._journal.append(("read new", readings[0].most))
        if not self.new:
            self._stop.set()
            return Turn(last_ids={each.stream: "0-0" for each in readings})
        batch = self.new.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return Turn(0, batch)

    def wait(self, last_ids: Mapping[str, str], timeout_ms: int) -> None:
        self._journal.append(("wait", timeout_ms))

    def acknowledge(self, stream: str, group: str, ids: Sequence[str]) -> None:
        if ids:
            self._journal.append(("acknowledge", *ids))

    def defer(self, stream: str, group: str, retries: Iterable[tuple[Entry, int]]) -> None:
        self._journal += [("defer", entry.id, entry.attempt, delay_ms) for entry, delay_ms in retries]

    def dead_letter(self, stream: str, group: str, entry: Entry, error: str) -> None:
        self._journal.append(("dead_letter", entry.id, entry.attempt, error))


class Patience(threading.Event):
    """A stop signal with a clock that goes by what is waited for: a wait is over at once. After `limit` it is set."""

    def __init__(self, limit: int = 50) -> None:
        super().__init__()
        self.now = 0.0
        self.waits: list[float] = []
        self._limit = limit

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        if len(self.waits) >= self._limit:
            self.set()
        return self.is_set()


def ends_nothing(function: str, stream: str, entry: Entry, error: str) -> None:
    """Find no order to end."""


class Bench:
    """A poller among fakes. `journal` has what was done, in its order, invocations included.

    What the poller parts with is in `parted`.
    """

    def __init__(
        self,
        answer: Answer,
        *mappings: EventSourceMapping,
        limit: int = 50,
        end_order: EndOrder = ends_nothing,
        timers_of: Sequence[str] | None = None,
    ) -> None:
        self.journal: list[Any] = []
        self.events: list[dict[str, Any]] = []
        self.stop = Patience(limit)
        self.streams = FakeStreams(self.journal, self.stop)
        self._answer = answer
        self.parted: list[Serves] = []
        destination = FailureDestination(end_order)
        functions = [
            MappedFunction(mapping, self.streams, self._invoke, destination, self.stop.clock)
            for mapping in mappings or [STAGE]
        ]
        serves, lock = Serves(functions, timers_of), threading.Lock()
        self.poller = Poller(serves, self.streams, self.stop, self.parted.append, lock, self.stop.clock)

    def run(self, *new: list[Entry] | Exception) -> None:
        """Let the poller work through these new batches, or until it has waited often enough."""
        self.streams.new = list(new)
        self.poller.run()

    def done(self, *kinds: str) -> list[Any]:
        """Return the journal's entries of these kinds."""
        return [entry for entry in self.journal if entry[0] in kinds]

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        ids = [record["messageId"] for record in event["Records"]]
        self.events.append(event)
        self.journal.append(("invoke", *ids))
        answer = self._answer(ids)
        if isinstance(answer, Exception):
            raise answer
        self.journal.append(("returned", *ids))
        return answer


def entries(*ids: str, attempt: int = 1) -> list[Entry]:
    return [Entry(each, {"order": f"order of {each}"}, attempt) for each in ids]


def failing(*failed: str, error: str | None = None) -> Answer:
    """Report those of the ids that a batch has."""
    detail = {} if error is None else {"error": error}
    return lambda ids: {"batchItemFailures": [{"itemIdentifier": each} | detail for each in ids if each in failed]}


def poisoned(*culprits: str) -> Answer:
    """Fail as a whole where a culprit is in the batch."""
    return lambda ids: FunctionError("KeyError: 'x'") if set(ids) & set(culprits) else None


def in_turn(*answers: Any) -> Answer:
    """Give these answers, one after the other."""
    left = list(answers)
    return lambda _ids: left.pop(0)
