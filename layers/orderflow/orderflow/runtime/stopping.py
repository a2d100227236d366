"""Ends a process: in order, by an event that SIGTERM and the like set; immediately, when one of its threads failed."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from orderflow.runtime.logging import get_logger

THREAD_FAILED = 70
"""Exit status of a process that an unexpected error in one of its threads ended (EX_SOFTWARE of sysexits.h)."""


class StopEvent(threading.Event):
    """An event that a signal handler may set.

    A handler interrupts its thread anywhere, also in a call of this very event. A plain Event would then wait for its
    own lock, forever; a byte in a pipe needs no lock.
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
        """Close its pipe; the event must not be used after that."""
        os.close(self._reader)
        os.close(self._writer)


def stop_on(*numbers: signal.Signals) -> StopEvent:
    """Return the event that is set when one of these signals comes."""
    stop = StopEvent()
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    return stop


def end_when_a_thread_fails(service: str, end_process: Callable[[int], object] = os._exit) -> None:
    """Have this process end with THREAD_FAILED when an exception ends any of its threads, logged with its traceback.

    Without that thread the others would go on and the process look healthy, while a part of its work stands still.
    The supervisor starts the process again, and unfinished work is done again.
    """

    def thread_failed(failure: threading.ExceptHookArgs) -> None:
        name = failure.thread.name if failure.thread else None
        try:
            _log_failure(service, "thread failed", failure.exc_type, failure.exc_value, failure.exc_traceback, name)
        finally:
            end_process(THREAD_FAILED)

    def main_thread_failed(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        _log_failure(service, "process failed", kind, error, traceback, threading.main_thread().name)

    threading.excepthook = thread_failed
    sys.excepthook = main_thread_failed


def _log_failure(
    service: str,
    message: str,
    kind: type[BaseException],
    error: BaseException | None,
    traceback: TracebackType | None,
    thread: str | None,
) -> None:
    cause = error if error is not None else kind()
    get_logger(service).error(
        message, exc_info=(kind, cause, traceback), extra={"thread_name": thread, "error": str(cause)}
    )
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
