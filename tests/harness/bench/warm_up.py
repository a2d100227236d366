"""When a system is warm: orders a second, second by second, in; whether they are steady out.

A new system gets faster for a while: interpreters specialise their code, plans and pools are cached, batches find
their size.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tests.harness.bench.load import Load, Observations, due_times

WINDOW_S = 1.0
COMPARED = 3
STEADY_WITHIN = 0.05


def steady(rates: Sequence[float], within: float = STEADY_WITHIN) -> bool:
    """Return whether the last few rates are, on average, within a share of those before them."""
    before, last = rates[-2 * COMPARED : -COMPARED], rates[-COMPARED:]
    if len(before) < COMPARED:
        return False
    return abs(fmean(last) - fmean(before)) <= within * fmean(before)


@dataclass(slots=True)
class WarmUp:
    """Watches how many orders clients have finished with; ends their turns when the rate is steady."""

    seen: Observations
    rates: list[float] = field(default_factory=list)
    steady: bool = False
    _over: bool = False

    def turns(self, load: Load) -> Iterator[float]:
        """Yield the load's due times until the rate is steady."""
        for due_at in due_times(load):
            if self.steady:
                break
            yield due_at
        self._over = True

    async def follow(self) -> None:
        """Note the rate of every window until the turns are over."""
        over, at = self.seen.over, time.perf_counter()
        while True:
            await asyncio.sleep(WINDOW_S)
            if self._over:
                return
            over_before, before = over, at
            over, at = self.seen.over, time.perf_counter()
            self.rates.append((over - over_before) / (at - before))
            self.steady = steady(self.rates)

    def __str__(self) -> str:
        first, last = self.rates[:1], self.rates[-COMPARED:]
        if not last:
            return "no warm-up"
        how = "steady" if self.steady else "NOT steady"
        return f"warm-up: {how} after {len(self.rates)} s, {first[0]:,.0f} → {fmean(last):,.0f} orders a second"
