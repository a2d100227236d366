"""Ends a process in order: SIGTERM and the like in, an event that its loops wait on out."""

import os
import select
import signal
import threading
from contextlib import suppress


class StopEvent(threading.Event):
    """An event that a signal handler may set.

    A handler runs in the middle of whatever its thread is at, which may be a call of this very event. A plain Event
    would then wait for its own lock, forever; a byte in a pipe needs none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def set(self) -> None:
        with suppress(BlockingIOError):  # full of what was set before
            os.write(self._writer, b".")

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> bool:
        return bool(select.select([self._reader], [], [], timeout)[0])

    def close(self) -> None:
        """Give back what it holds; nobody may use it any more."""
        os.close(self._reader)
        os.close(self._writer)


def stop_on(*numbers: signal.Signals) -> StopEvent:
    """Return the event that is set when one of these signals comes."""
    stop = StopEvent()
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    return stop
