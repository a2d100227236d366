"""Whether Redis takes writes, for asyncio."""

import asyncio

from redis.asyncio import Redis, RedisCluster

from orderflow.adapters.keys import SHARED, key, order_partitions

HEALTH_MS = 60_000


class RedisHealth:
    """The partitions' places in Redis, each tried by a key that soon expires."""

    def __init__(self, client: Redis | RedisCluster, partitions: int) -> None:
        self._client = client
        self._partitions = partitions

    async def check(self) -> None:
        """Raise redis' errors unless Redis takes writes in every partition; a replica, too, answers a PING."""
        places = [key(partition, "health") for partition in (SHARED, *order_partitions(self._partitions))]
        await asyncio.gather(*(self._client.set(place, "", px=HEALTH_MS) for place in places))
