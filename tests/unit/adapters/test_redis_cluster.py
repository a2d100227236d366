"""Whatever redis-py raises while a server is unavailable or a cluster changes is a redis.RedisError to any caller."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis import exceptions
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.asyncio.cluster import ClusterNode, PipelineCommand
from redis.cluster import ClusterPipeline, RedisCluster

from orderflow.adapters.redis_cluster import (
    AsyncCluster,
    AsyncSingle,
    Cluster,
    on_one_async_connection,
    on_one_connection,
)

# What redis-py 8 raises without meaning it, as read in its cluster and connection modules and in uvloop.
UNEXPECTED = [
    exceptions.RedisClusterException("Redis Cluster cannot be connected"),
    exceptions.SlotNotCoveredError('Slot "7" not covered by the cluster'),
    exceptions.CrossSlotTransactionError("All keys must map to the same slot"),
    exceptions.InvalidPipelineStack("Unexpected response length"),
    KeyError(7),
    IndexError("list index out of range"),
    AttributeError("'NoneType' object has no attribute 'read'"),
    AssertionError(),
    RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
    RuntimeError("read() called while another coroutine is already waiting for incoming data"),
]
every_unexpected = pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: f"{type(error).__name__}")


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def awaited(error: Exception) -> Callable[..., Any]:
    async def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def async_cluster() -> AsyncCluster:
    return AsyncCluster(host="127.0.0.1", port=1, max_connections=2, timeout=1)


@every_unexpected
def test_a_command_to_a_cluster(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsyncRedisCluster, "execute_command", awaited(error))

    async def run() -> None:
        with pytest.raises(redis.RedisError):
            await async_cluster().execute_command("GET", "{p0}:x")

    asyncio.run(run())


@every_unexpected
def test_a_command_to_a_single_redis(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsyncRedis, "execute_command", awaited(error))

    async def run() -> None:
        with pytest.raises(redis.RedisError):
            await AsyncSingle().execute_command("GET", "x")

    asyncio.run(run())


@every_unexpected
def test_what_lies_among_the_replies_of_commands_on_one_connection(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_node: ClusterNode, commands: list[PipelineCommand]) -> bool:
        commands[0].result = error
        return True

    monkeypatch.setattr(ClusterNode, "execute_pipeline", fails)
    monkeypatch.setattr(AsyncRedisCluster, "get_node_from_key", lambda *_: ClusterNode("127.0.0.1", 1))
    monkeypatch.setattr(AsyncRedisCluster, "execute_command", awaited(error))

    async def run() -> None:
        with pytest.raises(redis.RedisError):
            await async_cluster().on_one_connection("{p0}:x", [["PING"]])

    asyncio.run(run())


@every_unexpected
def test_commands_on_one_connection_to_a_single_redis(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redis.asyncio.client.Pipeline.execute", awaited(error))
    monkeypatch.setattr("redis.client.Pipeline.execute", raising(error))

    async def run() -> None:
        with pytest.raises(redis.RedisError):
            await on_one_async_connection(AsyncSingle(), [["PING"]])

    asyncio.run(run())
    with pytest.raises(redis.RedisError):
        on_one_connection(redis.Redis(), [["PING"]])


@every_unexpected
def test_a_thread_s_command_and_pipeline_to_a_cluster(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedisCluster, "execute_command", raising(error))
    monkeypatch.setattr(ClusterPipeline, "execute", raising(error))
    monkeypatch.setattr(ClusterPipeline, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(ClusterPipeline, "__del__", lambda _: None, raising=False)
    monkeypatch.setattr(RedisCluster, "pipeline", lambda *_: ClusterPipeline.__new__(ClusterPipeline))
    cluster = Cluster.__new__(Cluster)

    with pytest.raises(redis.RedisError):
        cluster.execute_command("GET", "{p0}:x")
    with pytest.raises(redis.RedisError):
        cluster.pipeline().execute()


def test_a_redis_error_stays_what_it_is_and_a_bug_of_ours_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outcome(error: Exception) -> BaseException:
        monkeypatch.setattr(AsyncRedisCluster, "execute_command", awaited(error))
        with pytest.raises(type(error)) as raised:
            await async_cluster().execute_command("GET", "x")
        return raised.value

    for error in (exceptions.MovedError("1 127.0.0.1:1"), exceptions.ClusterDownError("down"), TypeError("ours")):
        assert asyncio.run(outcome(error)) is error
