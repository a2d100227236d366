"""Serves the functions of a partition by turns, and its timers, until stopped."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import redis

from orderflow.adapters.streams import Entry, Streams, Turn
from orderflow.errors import RetryableError
from orderflow.event_source.mapped_function import MappedFunction, log_wait, waits
from orderflow.runtime.logging import get_logger

LONGEST_WAIT_MS = 500
"""So that a stop is noticed; and scripts of the version before wake no poller for a timer."""
TICK_MS = 100
"""Redis ends a blocking call only at its next tick, up to so much late; the rest of the time is waited for here."""
NAP_MS = 10

LINGER_FROM = 8
LINGER_S = 0.005
"""After so many records more are on their way; a little wait makes the next batch worth its cost (decision 0014)."""

logger = get_logger("event_source")


class Serves(NamedTuple):
    """What a poller serves: functions, in the order in which orders pass through them, and perhaps the timers."""

    functions: Sequence[MappedFunction] = ()
    timers_of: Sequence[str] | None = None
    """The streams to which messages are promoted when they are due; None where another poller does that."""

    @property
    def names(self) -> str:
        """The functions' names, for a log line."""
        return ", ".join(each.mapping.function for each in self.functions) or "timers"


class Poller:
    """A loop of turns. Each is one call of Redis: acknowledge, promote, and read for the next function that finds some.

    (For a function that never shares its poller it is two: acknowledge, then wait and read in one.)
    So a batch moves from stage to stage, and nothing that was read waits for another function. A function that is slow
    is parted from the others: it stays with this poller, and `part` is handed what else there was to serve.
    `partition_lock` is held whenever what a poller of the partition serves is changed.
    """

    def __init__(
        self,
        serves: Serves,
        streams: Streams,
        stop: threading.Event,
        part: Callable[[Serves], None],
        partition_lock: threading.Lock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.serves = serves
        self._streams = streams
        self._stop = stop
        self._part = part
        self._lock = partition_lock
        self._clock = clock
        self._busy: MappedFunction | None = None
        self._last: MappedFunction | None = None
        self._was_parted = False
        self._is_under_load = False

    def run(self) -> None:
        """Work until stopped, or until a function that was parted from the others is quick again."""
        pauses = waits()
        while not self._stop.is_set() and not self._is_quick_again():
            try:
                self.go_on()
                pauses = waits()
            except (redis.RedisError, OSError) as error:
                # All entries under way are pending, and are recovered from there.
                wait_s = next(pauses)
                log_wait(error, wait_s, {"function": self.serves.names, "partition": self._streams.partition})
                self._stop.wait(wait_s)
                for function in self.serves.functions:
                    function.start_over()
        with suppress(redis.RedisError, OSError):
            self._acknowledge()

    def go_on(self) -> None:
        """Let a function go on with what has waited long enough; then take a turn, and serve what it brings."""
        for function in self.serves.functions:
            if function.is_due:
                self._serve(function, function.resume)
                break
        if self._stop.is_set():
            return
        functions, turn = self._take_turn()
        if turn.entries:
            self._last = function = functions[turn.place]
            self._serve(function, lambda: function.handle(self._filled_up(function, turn.entries)))
        else:
            self._wait(turn)

    def relieve(self) -> None:
        """Part a function whose call has been under way for long; called by another thread about once a second."""
        with self._lock:
            self._part_if_slow()

    def _take_turn(self) -> tuple[list[MappedFunction], Turn]:
        """Take a turn; return the functions that it read for, in the order of their turns, and what it brought."""
        functions, timers_of = self.serves
        if functions and functions[0].mapping.own_poller:
            return list(functions), self._read_alone(functions[0])
        first = functions.index(self._last) + 1 if self._last in functions else 0
        readings = {
            function: reading for function in (*functions[first:], *functions[:first]) if (reading := function.reading)
        }
        done = {function: ids for function in functions if (ids := function.done)}
        if not readings and not done and timers_of is None:
            return [], Turn()
        turn = self._streams.turn(list(readings.values()), done=list(done.values()), timers_of=timers_of)
        for function in done:
            function.acknowledged()
        return list(readings), turn

    def _read_alone(self, function: MappedFunction) -> Turn:
        """Take a turn for a function that never shares its poller; waiting and reading are one."""
        self._acknowledge()
        reading = function.reading
        if not reading:
            return Turn()
        if self._is_under_load:
            self._stop.wait(LINGER_S)
        entries = self._streams.read_new(reading, LONGEST_WAIT_MS)
        self._is_under_load = len(entries) >= LINGER_FROM
        return Turn(0, entries, next_ms=0)

    def _acknowledge(self) -> None:
        for function in self.serves.functions:
            if done := function.done:
                self._streams.acknowledge(*done)
                function.acknowledged()

    def _filled_up(self, function: MappedFunction, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return a batch with what comes within the mapping's window; who shares a poller has none."""
        mapping, reading = function.mapping, function.reading
        room = mapping.batch_size - len(entries)
        if not reading or not room or not mapping.maximum_batching_window_ms:
            return entries
        self._stop.wait(mapping.maximum_batching_window_ms / 1000)
        reading = reading._replace(most=room)
        more = self._streams.read_new(reading, None) if mapping.own_poller else self._streams.turn([reading]).entries
        return [*entries, *more]

    def _serve(self, function: MappedFunction, work: Callable[[], None]) -> None:
        """Let a function do its work; what goes wrong with it is its own affair."""
        with self._lock:
            self._busy = function
        try:
            work()
        except (redis.RedisError, OSError, RetryableError) as error:
            function.back_off(error)
        finally:
            with self._lock:
                self._part_if_slow()
                self._busy = None

    def _part_if_slow(self) -> None:
        functions, timers_of = self.serves
        slow = self._busy
        others = Serves([function for function in functions if function is not slow], timers_of)
        if slow is None or not slow.calls.are_slow or self._stop.is_set() or others == Serves([]):
            return
        names = {"function": slow.mapping.function, "partition": self._streams.partition}
        logger.warning("slow function gets a poller of its own", extra=names)
        self.serves = Serves([slow])
        self._was_parted = True
        self._part(others)

    def _is_quick_again(self) -> bool:
        """Return whether the function was parted from the others, is not slow any more and has nothing that waits."""
        if not self._was_parted:
            return False
        (function,) = self.serves.functions
        return bool(function.reading and not function.calls.are_slow)

    def _wait(self, turn: Turn) -> None:
        """Wait for whatever comes first: an entry, a timer, or the end of a function's own wait."""
        now = self._clock()
        waits_ms = [(function.resume_at - now) * 1000 for function in self.serves.functions]
        if turn.next_ms is not None:
            waits_ms.append(turn.next_ms)
        if turn.last_ids:
            waits_ms.append(LONGEST_WAIT_MS + TICK_MS)
        wait_ms = min(waits_ms)
        if wait_ms > TICK_MS and turn.last_ids:
            self._streams.wait(turn.last_ids, round(wait_ms - TICK_MS))
        elif wait_ms > 0:
            self._stop.wait((min(wait_ms, NAP_MS) if turn.last_ids else wait_ms) / 1000)
