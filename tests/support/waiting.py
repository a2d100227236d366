"""Waits for a condition, with a deadline."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
