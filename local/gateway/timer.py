"""A call that is made in some seconds unless it is cancelled: an event loop's timer that can be started again."""

import asyncio
from collections.abc import Callable


class Timer:
    """Calls a function some seconds after it was started, unless it is cancelled before."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Have the call made in so many seconds; change nothing when the timer is running already."""
        if self._handle is None:
            self._handle = loop.call_later(seconds, self._expire)

    def cancel(self) -> None:
        """Make no call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _expire(self) -> None:
        self._handle = None
        self._call()
