"""Tallies of the engine by the second, in Redis: kept while somebody follows the channel `engine`, and only then."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import redis

from orderflow.adapters.keys import SHARED, key
from orderflow.adapters.reports import ENGINE, followers_key
from orderflow.domain.tally import Tally

KEEP_S = 90
LOOK_EVERY_S = 1.0

_BUCKET = "ms:"


class Tallies:
    """The tallies of all processes. What can't be counted is not: nothing here holds up who counts."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._looked_at = float("-inf")
        self._are_wanted = False

    def are_wanted(self) -> bool:
        """Return whether somebody follows the engine, by an answer that is a second old at most."""
        now = self._clock()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._are_wanted = False
            with suppress(redis.RedisError, OSError):
                self._are_wanted = bool(self._client.exists(followers_key(ENGINE)))
        return self._are_wanted

    def add(self, by_second: Mapping[int, Tally]) -> None:
        """Add what was counted, by the second since 1970 that it was in."""
        pipeline = self._client.pipeline(transaction=False)
        for second, tally in by_second.items():
            at = _key(second)
            counts = {"placed": tally.placed, "ended": tally.ended, "retries": tally.retries}
            counts |= {f"{_BUCKET}{bucket}": count for bucket, count in tally.latencies.items()}
            for name, count in counts.items():
                if count:
                    pipeline.hincrby(at, name, count)
            pipeline.expire(at, KEEP_S)
        with suppress(redis.RedisError, OSError):
            pipeline.execute()

    def of(self, seconds: Sequence[int]) -> list[Tally]:
        """Return what was counted in each of some seconds. Raises redis' errors."""
        pipeline = self._client.pipeline(transaction=False)
        for second in seconds:
            pipeline.hgetall(_key(second))
        return [_read(fields) for fields in pipeline.execute()]


def _key(second: int) -> str:
    return key(SHARED, f"tally:{second}")


def _read(fields: Mapping[str, str]) -> Tally:
    latencies = {int(name[len(_BUCKET) :]): int(n) for name, n in fields.items() if name.startswith(_BUCKET)}
    placed, ended, retries = (int(fields.get(name, 0)) for name in ("placed", "ended", "retries"))
    return Tally(placed, ended, retries, latencies)
