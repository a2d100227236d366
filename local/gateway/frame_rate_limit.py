"""Limits the frames that a socket may send: the time of a frame in, a refusal in JSON out where it is too many."""

from collections import deque

from orderflow.adapters.codec import encoder

FRAMES_PER_S = 50
BURST = 1_200
"""Frames that may come at once: 1,000 subscriptions, as many as a socket may have, and some more."""
MAX_REFUSALS = 100
REFUSALS_WITHIN_S = 10.0
"""A socket that has MAX_REFUSALS frames refused within this time is closed."""


class FrameRateLimit:
    """A leaky bucket for the frames of one socket: it holds BURST frames and leaks FRAMES_PER_S."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at_s = 0.0
        self._refused_at_s: deque[float] = deque(maxlen=MAX_REFUSALS)

    def count(self, now_s: float) -> str:
        """Count a frame; return the refusal to send in its place, in JSON, or nothing when it may pass."""
        self._level = max(0.0, self._level - (now_s - self._at_s) * FRAMES_PER_S)
        self._at_s = now_s
        if self._level + 1 <= BURST:
            self._level += 1
            return ""
        self._refused_at_s.append(now_s)
        retry_after_ms = int((self._level + 1 - BURST) / FRAMES_PER_S * 1000) + 1
        limit = f"{FRAMES_PER_S} frames a second"
        return encoder.encode({"error": "too many requests", "limit": limit, "retry_after_ms": retry_after_ms}).decode()

    @property
    def too_many_refusals(self) -> bool:
        """Whether MAX_REFUSALS frames were refused within REFUSALS_WITHIN_S: the sender takes no notice of refusals."""
        refused = self._refused_at_s
        return len(refused) == MAX_REFUSALS and refused[-1] - refused[0] <= REFUSALS_WITHIN_S
