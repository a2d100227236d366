"""Runs work with the front door's side of Redis, opened on a server of the tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from orderflow.adapters.capacity import Limits
from orderflow.adapters.intake import Intake
from orderflow.adapters.replication import AsyncReplication
from orderflow.domain.venue import Load
from tests.support.redis_servers import PARTITIONS, RedisServer, opened_async

Result = TypeVar("Result")
AMPLE = Limits(max_lag=2_000, max_in_flight=50_000, max_memory=0.8)


def with_intake(
    server: RedisServer,
    work: Callable[[Intake], Awaitable[Result]],
    limits: Limits = AMPLE,
    min_replicas: int = 0,
    venue_load: Callable[[], Load | None] = lambda: None,
    partitions: int = PARTITIONS,
) -> Result:
    """Return the result of `work` with an intake of its own, which is closed afterwards."""

    async def run() -> Result:
        async with opened_async(server) as client:
            replication = AsyncReplication(client, min_replicas)
            return await work(Intake(client, partitions, limits, replication, venue_load=venue_load))

    return asyncio.run(run())
