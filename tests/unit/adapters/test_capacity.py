"""What is left, by a Redis that may not say."""

import asyncio
from typing import Any, cast

import pytest
import redis
from redis.asyncio import Redis

from orderflow.adapters import capacity
from orderflow.adapters.capacity import Capacity, LimitExceeded, Limits
from orderflow.domain.venue import Load

LIMITS = Limits(max_lag=10, max_in_flight=100, max_memory=0.8)
PARTITIONS = 2
FULL = {"used_memory": 81, "maxmemory": 100, "total_system_memory": 1_000}


class FakeRedis:
    """Redis and the venue: answers what the capacity asks, or fails, or does not answer at all."""

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {"used_memory": 10, "maxmemory": 100, "total_system_memory": 1_000}
        self.waiting = self.resting = 0
        self.error: Exception | None = None
        self.silent = False
        self.asked = 0

    async def info(self, section: str) -> dict[str, Any]:
        assert section == "memory"
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.memory

    def load(self) -> Load:
        return Load(self.waiting, self.waiting + self.resting, "chain:transactions", "chain")


@pytest.fixture
def server() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def _always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(capacity, "LOOK_TIMEOUT_S", 0.05)


def look(server: FakeRedis, of: Capacity | None = None) -> LimitExceeded | None:
    return asyncio.run((of or over(server)).exceeded_limit())


def over(server: FakeRedis) -> Capacity:
    return Capacity(cast("Redis", server), PARTITIONS, LIMITS, server.load)


@pytest.mark.parametrize(
    ("memory", "exceeded"),
    [
        (FULL, LimitExceeded("MAX_MEMORY", "redis")),
        (FULL | {"used_memory": 80}, None),
        (FULL | {"maxmemory": 0}, None),
        (FULL | {"maxmemory": 0, "used_memory": 801}, LimitExceeded("MAX_MEMORY", "redis")),
        ({"used_memory": 81}, None),
    ],
    ids=["full", "just not", "no limit of its own", "the machine is full", "it does not say of how much"],
)
def test_memory_is_measured_by_the_limit_that_redis_has(
    server: FakeRedis, memory: dict[str, int], exceeded: LimitExceeded | None
) -> None:
    server.memory = memory

    assert look(server) == exceeded


@pytest.mark.parametrize(
    ("waiting", "resting", "exceeded"),
    [
        (20, 0, LimitExceeded("MAX_LAG", "chain:transactions")),
        (19, 180, None),
        (19, 181, LimitExceeded("MAX_IN_FLIGHT", "chain")),
    ],
)
def test_the_chain_may_hold_what_all_partitions_may(
    server: FakeRedis, waiting: int, resting: int, exceeded: LimitExceeded | None
) -> None:
    server.waiting, server.resting = waiting, resting

    assert look(server) == exceeded


def test_a_redis_that_keeps_its_memory_to_itself_limits_nothing_by_it(server: FakeRedis) -> None:
    server.error = redis.exceptions.NoPermissionError("NOPERM")
    assert look(server) is None

    server.waiting = 20
    assert look(server) == LimitExceeded("MAX_LAG", "chain:transactions")


@pytest.mark.usefixtures("_always_looking")
def test_without_an_answer_the_one_before_holds(server: FakeRedis) -> None:
    found = over(server)
    server.memory = FULL
    assert look(server, found) is not None

    server.error = redis.ConnectionError("refused")
    assert look(server, found) == LimitExceeded("MAX_MEMORY", "redis")
    server.error, server.silent = None, True
    assert look(server, found) == LimitExceeded("MAX_MEMORY", "redis")

    server.silent, server.memory = False, {"used_memory": 1, "maxmemory": 100}
    assert look(server, found) is None


def test_while_one_asks_nobody_else_waits(server: FakeRedis) -> None:
    server.silent = True

    async def run() -> None:
        found = over(server)
        asker = asyncio.create_task(found.exceeded_limit())
        async with asyncio.timeout(5):
            while not server.asked:
                await asyncio.sleep(0)
            assert [await found.exceeded_limit() for _ in range(100)] == [None] * 100
        asker.cancel()

    asyncio.run(run())

    assert server.asked == 1
