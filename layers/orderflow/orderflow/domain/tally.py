"""What is counted of the engine: how many orders came and ended in a second, and how long they took."""

from collections.abc import Mapping, Sequence
from math import ceil, log

import msgspec

_STEP = 1.05
"""Between two bounds of latencies that count as the same, so a percentile is right within 2.5 %."""


class Tally(msgspec.Struct):
    """What was counted: orders that were `placed`, that have `ended`, records that came again, and latencies.

    `latencies` has how many fell into which bucket (see `bucket_of`).
    """

    placed: int = 0
    ended: int = 0
    retries: int = 0
    latencies: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add what another one has counted."""
        self.placed += other.placed
        self.ended += other.ended
        self.retries += other.retries
        for bucket, count in other.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0) + count


def bucket_of(latency_ms: int) -> int:
    """Return the bucket that a latency falls into; what took less than a millisecond is in the one of 1 ms."""
    return round(log(max(latency_ms, 1), _STEP))


def percentiles_ms(latencies: Mapping[int, int], percents: Sequence[int]) -> list[float | None]:
    """Return the latency in ms that so many percent did not exceed, for each of `percents`; None where none is."""
    total, reached, found = sum(latencies.values()), 0, dict.fromkeys(percents, -1)
    for bucket in sorted(latencies):
        reached += latencies[bucket]
        for percent in percents:
            if found[percent] < 0 and reached >= ceil(total * percent / 100):
                found[percent] = bucket
    return [_STEP ** found[percent] if total else None for percent in percents]
