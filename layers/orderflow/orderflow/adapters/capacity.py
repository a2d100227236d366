"""What all partitions share and can run full, Redis' memory and the venue: limits in, the one that is exceeded out."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
import redis
from redis.asyncio import Redis, RedisCluster

from orderflow.domain.venue import Load

LOOK_EVERY_S = 1.0
LOOK_TIMEOUT_S = 1.0


class Limits(msgspec.Struct, frozen=True):
    """How much may be under way; beyond it new orders are refused, and those under way go on.

    Of each partition: `max_lag` records that wait at one stage, `max_in_flight` orders on their way, `max_resting`
    orders that rest. Of Redis: `max_memory`, a
    share of its maxmemory, or of the machine's memory where it has none.
    """

    max_lag: int
    max_in_flight: int
    max_memory: float
    max_resting: int = 250_000


class LimitExceeded(NamedTuple):
    """The setting that is exceeded, and what exceeds it."""

    limit: str
    where: str


class Capacity:
    """What is left, by an answer that is a second old at most when it is asked for all the time."""

    def __init__(
        self,
        client: Redis | RedisCluster,
        partitions: int,
        limits: Limits,
        venue_load: Callable[[], Load | None],
    ) -> None:
        self._client = client
        self._partitions = partitions
        self._limits = limits
        self._venue_load = venue_load
        self._looked_at = float("-inf")
        self.exceeded: LimitExceeded | None = None
        """What was exceeded when last looked."""

    async def exceeded_limit(self) -> LimitExceeded | None:
        """Return what is exceeded. One caller a second asks Redis; the others go by the answer before."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            # Where this is not to be had, the order itself will show whether Redis is there.
            with suppress(TimeoutError, redis.RedisError, OSError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    self.exceeded = await self._ask()
        return self.exceeded

    async def _ask(self) -> LimitExceeded | None:
        share, load = await asyncio.gather(self._memory_share(), asyncio.to_thread(self._venue_load))
        if share > self._limits.max_memory:
            return LimitExceeded("MAX_MEMORY", "redis")
        # The venue serves all partitions, so it may hold what all of them may.
        if load and load.waiting >= self._limits.max_lag * self._partitions:
            return LimitExceeded("MAX_LAG", load.queue)
        if load and load.in_flight >= self._limits.max_in_flight * self._partitions:
            return LimitExceeded("MAX_IN_FLIGHT", load.place)
        return None

    async def _memory_share(self) -> float:
        """Return the share that is used of the memory that Redis may use; of a cluster, the fullest primary's."""
        nodes = {"target_nodes": RedisCluster.PRIMARIES} if isinstance(self._client, RedisCluster) else {}
        try:
            answer = await self._client.info("memory", **nodes)
        except redis.exceptions.NoPermissionError:
            return 0.0  # a Redis whose memory is somebody else's to watch
        # One node answers for itself, several by their names.
        return max(map(_share, [answer] if "used_memory" in answer else answer.values()))


def _share(memory: dict[str, Any]) -> float:
    capacity = memory.get("maxmemory") or memory.get("total_system_memory")
    return memory["used_memory"] / capacity if capacity else 0.0
