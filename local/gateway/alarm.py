"""Something to be done later unless it is called off."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Something to be done later unless it is called off."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._timer: asyncio.TimerHandle | None = None

    def set(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Act in so many seconds, unless that is set already."""
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._ring)

    def cancel(self) -> None:
        """Do not act."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._act()
