"""How long the mock venues and chain take: delays in milliseconds, drawn from a seed and the order's id."""

from hashlib import blake2b
from math import exp
from statistics import NormalDist

SLOT_MS = 400
SLOTS_TO_CONFIRM = 2
BLOCKHASH_VALID_SLOTS = 150

# Log-normal: the median, and the standard deviation of the logarithm that puts the 99th percentile at about 800 ms.
QUOTE_MEDIAN_MS = 150
BUILD_MEDIAN_MS = 350
_SIGMA = 0.72
_BUILD_SIGMA = 0.2
_NORMAL = NormalDist()

_LANDING = ((0.35, 1), (0.75, 2), (0.90, 3), (1.0, 4))
"""Cumulative probability of landing this many slots after sending."""


class Latency:
    """The delays of one market: `speed` scales them all (1 = real time, 0 = none) and changes nothing else."""

    def __init__(self, seed: int, speed: float) -> None:
        self._seed = seed
        self._speed = speed

    def quote_ms(self, order_id: str, venues: tuple[str, ...]) -> int:
        """Return how long the slowest of `venues`, asked at the same time, takes to quote."""
        if not self._speed:
            return 0
        slowest = max(_log_normal(self._draw(order_id, venue), QUOTE_MEDIAN_MS, _SIGMA) for venue in venues)
        return self._scaled(slowest)

    def build_ms(self, order_id: str) -> int:
        """Return how long the venue's API takes to build a transaction."""
        return self._scaled(_log_normal(self._draw(order_id, "build"), BUILD_MEDIAN_MS, _BUILD_SIGMA))

    def landing_ms(self, order_id: str, now_ms: int) -> int:
        """Return how long after `now_ms` the transaction lands: at the end of the first to fourth slot from now."""
        if not self._speed:
            return 0
        draw = self._draw(order_id, "landing")
        slots = next(slots for cumulative, slots in _LANDING if draw <= cumulative)
        slot_ms = SLOT_MS * self._speed
        return round(slots * slot_ms - now_ms % slot_ms + slot_ms)

    def confirmation_ms(self) -> int:
        """Return how long after landing a transaction counts as confirmed."""
        return self._scaled(SLOTS_TO_CONFIRM * SLOT_MS)

    def blockhash_valid_ms(self) -> int:
        """Return how long a transaction may wait to land; never less than in real time, whatever the speed."""
        return round(BLOCKHASH_VALID_SLOTS * SLOT_MS * max(self._speed, 1))

    def _scaled(self, milliseconds: float) -> int:
        return round(milliseconds * self._speed)

    def _draw(self, order_id: str, purpose: str) -> float:
        """Return a number strictly between 0 and 1 that is the same for the same seed, order and purpose."""
        digest = blake2b(f"{self._seed}:{order_id}:{purpose}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest) + 0.5) / 2**64


def _log_normal(uniform: float, median: float, sigma: float) -> float:
    return median * exp(sigma * _NORMAL.inv_cdf(uniform))
