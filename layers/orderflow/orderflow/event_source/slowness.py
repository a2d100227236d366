"""Notices functions that wait: those that share a poller with others would hold these back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOW_S = 0.25
"""A call that waited longer than this was slow."""
STUCK_S = 0.5
"""A call that has been under way for longer than this counts as slow before it returns."""
QUICK_AGAIN = 100
"""After so many quick calls in a row a function is not slow any more: it may have met a Redis that stood still."""


class Calls:
    """The calls of one function, one at a time.

    What counts is how long a call waited, not how long it computed: elsewhere a function would wait for the same
    processor. Only a call that is under way is measured by the time that has passed, since another thread looks at it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._quick = QUICK_AGAIN
        self._since: float | None = None

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure a call: the block."""
        self._since = began = self._clock()
        computed_before = time.thread_time()
        try:
            yield
        finally:
            self._since = None
            waited_s = self._clock() - began - (time.thread_time() - computed_before)
            self._quick = 0 if waited_s > SLOW_S else self._quick + 1

    @property
    def are_slow(self) -> bool:
        """Whether one of the last calls was slow, or the one under way is."""
        since = self._since
        if since is not None and self._clock() - since > STUCK_S:
            return True
        return self._quick < QUICK_AGAIN
