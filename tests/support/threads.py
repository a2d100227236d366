"""Runs work in threads of a test, which all stop when the test ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

InThread = Callable[[Callable[[threading.Event], None]], threading.Event]


@contextmanager
def threads() -> Iterator[InThread]:
    """Lend a way to run something until its event is set, which happens at the latest at the end of the block."""
    running: list[tuple[threading.Thread, threading.Event]] = []

    def start(work: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(stop,))
        thread.start()
        running.append((thread, stop))
        return stop

    yield start
    for _, stop in running:
        stop.set()
    for thread, _ in running:
        thread.join(10)
        assert not thread.is_alive()
