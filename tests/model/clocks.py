"""What reads Redis' clock in the model check, by the world's clock instead."""

import re
from collections.abc import Callable

import redis

from orderflow.adapters import books
from orderflow.venues.mock.chain_store import ChainStore

NOW = "world:now"
"""The key of what the scripts take for Redis' clock."""
BEAT_MS = 600_000
"""So long that a second beat of a run makes no slot by itself: what happens does not depend on how long the run takes.
`beat` has one come."""

_OWN_CLOCK = re.compile(r"  local time = redis.call\('TIME'\)\n.*\n")


def by_world_clock(script: str) -> str:
    """Return a script that asks the world for the time, not Redis."""
    return _OWN_CLOCK.sub(f"  return tonumber(redis.call('GET', '{NOW}'))\n", script)


class Chain(ChainStore):
    """The chain, whose time is no call of its own."""

    def __init__(self, client: redis.Redis, now_ms: Callable[[], int], launch_every: int) -> None:
        super().__init__(client, beat_ms=BEAT_MS, launch_every=launch_every)
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms()


class Books(books.Books):
    """The orders that rest, whose time is no call of its own."""

    def __init__(self, client: redis.Redis, partitions: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client, partitions)
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms()
