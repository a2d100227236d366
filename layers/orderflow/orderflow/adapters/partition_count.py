"""Keeps the number of partitions of a Redis in it: the number of the first start in, an error for any other out.

An order's partition follows from its id and this number. A program with another number does not find the orders of the
others, and treats them as gone, so every program checks its number here when it starts.
"""

import asyncio
from contextlib import suppress

import redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster

from orderflow.adapters.keys import SHARED, key
from orderflow.errors import ConfigurationError

# Under a hash tag like all keys that logins to Redis may touch.
PARTITION_COUNT_KEY = key(SHARED, "partitions")
FORMER_KEY = "orderflow:partitions"
"""The key under which `make run` kept it before the other programs checked it."""


def kept_partition_count(client: redis.Redis) -> int | None:
    """Return the number of partitions that this Redis is used with, or None before the first start."""
    kept = client.get(PARTITION_COUNT_KEY)
    if kept is None:
        with suppress(redis.exceptions.NoPermissionError):
            kept = client.get(FORMER_KEY)
    return None if kept is None else int(kept)


def hold_partition_count(client: redis.Redis, partitions: int) -> None:
    """Keep `partitions` as the number for this Redis, if it has none yet.

    Raises ConfigurationError when another one is kept, and redis' errors when Redis does not answer.
    """
    # Read before writing: a Redis that is full, or is a replica for a while, still answers a GET.
    kept = client.get(PARTITION_COUNT_KEY)
    if kept is None:
        client.set(PARTITION_COUNT_KEY, kept_partition_count(client) or partitions, nx=True)
        kept = client.get(PARTITION_COUNT_KEY)
    _compare(kept, partitions)


class AsyncPartitionCount:
    """The same for asyncio: checked at the first use and not again; concurrent callers share one check."""

    def __init__(self, client: AsyncRedis | AsyncRedisCluster, partitions: int) -> None:
        self._client = client
        self._partitions = partitions
        self._held = False
        self._asked: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Do as `hold_partition_count`, until it has succeeded once."""
        if self._held:
            return
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask())
        # A caller that is cancelled must not cancel the check of the others.
        await asyncio.shield(self._asked)

    async def _ask(self) -> None:
        kept = await self._client.get(PARTITION_COUNT_KEY)
        if kept is None:
            await self._client.set(PARTITION_COUNT_KEY, self._partitions, nx=True)
            kept = await self._client.get(PARTITION_COUNT_KEY)
        _compare(kept, self._partitions)
        self._held = True


def _compare(kept: bytes | str | None, partitions: int) -> None:
    if kept is not None and int(kept) != partitions:
        raise ConfigurationError(
            f"PARTITIONS={partitions} can't be used with this Redis: its orders lie in {int(kept)} partitions."
            f" Use PARTITIONS={int(kept)}"
        )
