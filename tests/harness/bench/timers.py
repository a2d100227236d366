"""How late a system's timers are: its timer sets in Redis in, counts of what rests there after it was due out.

A look is one trip, with a command for each partition. It counts, for each lateness, the messages that have reached it
since the last look and are still there; so each message counts once for each lateness that it reaches.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from orderflow.adapters.keys import SHARED, key, order_partitions
from tests.harness.timings import Timings

LOOK_EVERY_S = 0.005
LATENESS_MS = (5, 10, 15, 20, 30, 50, 100, 200, 500, 1_000)

_LOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = ARGV[1] == '' and now or tonumber(ARGV[1])
local counts = {now}
for i = 2, #ARGV do
  counts[i] = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', last - ARGV[i]), now - ARGV[i])
end
return counts
"""


@dataclass(slots=True)
class Lateness:
    """How many messages were late by at least so many ms; a few less, where one left between two looks."""

    reached: Counter[int] = field(default_factory=Counter)
    gaps_ms: list[float] = field(default_factory=list)

    def at_most_ms(self, percent: float, messages: int) -> float | None:
        """Return by how much at most `percent` % of so many messages were late; None where that is over all bounds.

        A message leaves between two looks unseen, so their distance is added.
        """
        allowed = messages * (1 - percent / 100)
        bound = next((ms for ms in LATENESS_MS if self.reached[ms] <= allowed), None)
        return None if bound is None else bound + Timings.of(self.gaps_ms).p99


def timer_sets(partitions: int) -> list[str]:
    """Return the keys of every partition's timers, those of the chain included."""
    return [key(partition, "timers") for partition in (*order_partitions(partitions), SHARED)]


async def watch_timers(redis_url: str, partitions: int, lateness: Lateness) -> None:
    """Look again and again until cancelled."""
    keys = timer_sets(partitions)
    last: dict[str, int] = {}
    async with Redis.from_url(redis_url) as client:
        while True:
            look = client.pipeline(transaction=False)
            for timers in keys:
                look.eval(_LOOK, 1, timers, last.get(timers, ""), *LATENESS_MS)
            for timers, (now, *counts) in zip(keys, await look.execute(), strict=True):
                note(lateness, now - last.get(timers, now), counts)
                last[timers] = now
            await asyncio.sleep(LOOK_EVERY_S)


def note(lateness: Lateness, gap_ms: int, counts: Sequence[int]) -> None:
    """Add a look: how long after the last one it was, and how many messages have reached each lateness since."""
    lateness.gaps_ms.append(gap_ms)
    lateness.reached.update({ms: count for ms, count in zip(LATENESS_MS, counts, strict=True) if count})
