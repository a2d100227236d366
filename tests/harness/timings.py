"""What a list of measured durations comes to: its count, extremes, mean and percentiles."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest measured value that `percent` % of them don't exceed.

    A value that was really measured, never one between two. Raises ValueError when there are none.
    """
    if not ascending:
        raise ValueError("no values to take a percentile of")
    rank = math.ceil(len(ascending) * percent / 100)
    return ascending[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in milliseconds, summed up; all zero when nothing was measured."""

    count: int = 0
    minimum: float = 0.0
    mean: float = 0.0
    maximum: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0

    @classmethod
    def of(cls, values_ms: Iterable[float]) -> "Timings":
        """Sum up `values_ms`, in any order."""
        ascending = sorted(values_ms)
        if not ascending:
            return cls()
        return cls(
            count=len(ascending),
            minimum=ascending[0],
            mean=math.fsum(ascending) / len(ascending),
            maximum=ascending[-1],
            p50=percentile(ascending, 50),
            p95=percentile(ascending, 95),
            p99=percentile(ascending, 99),
        )
