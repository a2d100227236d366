"""GET /health's look at Redis: one that answers but takes no writes is not healthy."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from orderflow.adapters.redis_health import RedisHealth
from tests.support.redis_servers import PARTITIONS, RedisServer, on_single_and_cluster, opened_async


def check(server: RedisServer) -> None:
    async def run() -> None:
        async with opened_async(server) as client:
            await RedisHealth(client, PARTITIONS).check()

    asyncio.run(run())


@contextmanager
def configured(client: redis.Redis, name: str, value: str) -> Iterator[None]:
    before = client.config_get(name)[name] or ""
    client.config_set(name, value)
    try:
        yield
    finally:
        client.config_set(name, before)


@on_single_and_cluster
def test_a_redis_that_takes_writes_is_healthy_and_keeps_nothing_of_it(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    check(redis_server)

    assert 0 < client.pttl("{p0}:health") <= 60_000
    assert 0 < client.pttl("{chain}:health") <= 60_000


def test_a_read_only_replica_is_not_healthy(redis_server: RedisServer, client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", "1")
    try:
        assert client.ping()
        with pytest.raises(redis.exceptions.ReadOnlyError):
            check(redis_server)
    finally:
        client.replicaof("NO", "ONE")

    check(redis_server)


def test_a_redis_without_the_replicas_that_it_wants_is_not_healthy(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    with configured(client, "min-replicas-to-write", "1"), pytest.raises(redis.ResponseError, match="NOREPLICAS"):
        check(redis_server)


def test_a_redis_without_memory_is_not_healthy(redis_server: RedisServer, client: redis.Redis) -> None:
    with configured(client, "maxmemory", "1"), pytest.raises(redis.exceptions.OutOfMemoryError):
        check(redis_server)
