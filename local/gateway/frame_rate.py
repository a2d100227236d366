"""How many frames a socket may send: so many a second, and a burst; beyond it each is refused in a frame."""

from collections import deque

from orderflow.adapters.codec import encoder

FRAMES_PER_S = 50
BURST = 1_200
"""Frames that may come at once: 1,000 subscriptions, as many as a socket may have, and some more."""
MOST_REFUSALS = 100
WITHIN_S = 10.0
"""A socket that has so many frames refused within this time is closed."""


class FrameRate:
    """What a socket has sent, as a bucket that holds BURST and runs out with FRAMES_PER_S."""

    def __init__(self) -> None:
        self._filled = 0.0
        self._at_s = 0.0
        self._refused_at_s: deque[float] = deque(maxlen=MOST_REFUSALS)

    def refuse(self, now_s: float) -> str:
        """Count a frame; return nothing when it may pass, and else what to tell its sender, in JSON."""
        self._filled = max(0.0, self._filled - (now_s - self._at_s) * FRAMES_PER_S)
        self._at_s = now_s
        if self._filled + 1 <= BURST:
            self._filled += 1
            return ""
        self._refused_at_s.append(now_s)
        retry_after_ms = int((self._filled + 1 - BURST) / FRAMES_PER_S * 1000) + 1
        limit = f"{FRAMES_PER_S} frames a second"
        return encoder.encode({"error": "too many requests", "limit": limit, "retry_after_ms": retry_after_ms}).decode()

    @property
    def is_hopeless(self) -> bool:
        """Whether MOST_REFUSALS frames were refused within WITHIN_S: the sender does not mind the refusals."""
        refused = self._refused_at_s
        return len(refused) == MOST_REFUSALS and refused[-1] - refused[0] <= WITHIN_S
