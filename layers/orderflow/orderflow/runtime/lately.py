"""Remembers keys for a moment."""

import time


class Lately:
    """Keys that were noted within the last `seconds`; of more than `most` the oldest are forgotten."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._noted: dict[str, float] = {}

    def note(self, key: str) -> None:
        """Remember a key."""
        self._noted.pop(key, None)  # to its end, so that the oldest come first
        self._noted[key] = time.monotonic()
        if len(self._noted) > self._most:
            del self._noted[next(iter(self._noted))]

    def __contains__(self, key: str) -> bool:
        """Return whether a key was noted within that time."""
        at = self._noted.get(key)
        return at is not None and time.monotonic() - at < self._seconds
