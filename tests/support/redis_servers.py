"""A Redis or a Redis Cluster of the integration tests, and clients of it as the system opens them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple, cast

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters.redis_cluster import AsyncCluster, Cluster
from orderflow.runtime import async_clients
from orderflow.runtime.clients import open_redis

PARTITIONS = 1
P0 = "p0"

on_single_and_cluster = pytest.mark.parametrize("redis_server", ["single", "cluster"], indirect=True)
"""Runs tests on a single Redis, and again on a Redis Cluster."""


class RedisServer(NamedTuple):
    """What REDIS_URL and REDIS_CLUSTER say."""

    url: str
    cluster: bool


@contextmanager
def opened(server: RedisServer, **options: Any) -> Iterator[redis.Redis]:
    """Lend a client of a server as the system opens it, with other options if need be."""
    client = open_redis(server.url, cluster=server.cluster, **options)
    try:
        yield client
    finally:
        close(client)


def close(client: redis.Redis) -> None:
    """Close all connections of a client."""
    if isinstance(client, Cluster):
        disconnect: Callable[[], None] = client.disconnect_connection_pools
        disconnect()
    else:
        client.connection_pool.disconnect()


@asynccontextmanager
async def opened_async(server: RedisServer) -> AsyncIterator[AsyncRedis]:
    """Lend a client of a server as the front door opens it."""
    client = async_clients.open_redis(server.url, cluster=server.cluster)
    try:
        yield client
    finally:
        await client.aclose()
        if isinstance(client, AsyncCluster):
            # After an error its own close does nothing.
            for nodes in ("nodes_cache", "startup_nodes"):
                await client.nodes_manager.aclose(nodes)
        else:
            await client.connection_pool.disconnect()


def entries_of(client: redis.Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    """Return a stream's entries, oldest first."""
    return cast("list[tuple[str, dict[str, str]]]", client.xrange(stream))
