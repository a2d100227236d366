"""What the integration tests share: the adapters over the real servers, and an event source that they control."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.orders import Orders
from orderflow.adapters.postgres import connect
from orderflow.adapters.redis_cluster import AsyncCluster, Cluster
from orderflow.adapters.streams import Streams
from orderflow.runtime import async_clients
from orderflow.runtime.clients import open_redis
from tests.support.redis_cluster import Nodes, run_nodes

PARTITIONS = 1
P0 = "p0"

InThread = Callable[[Callable[[threading.Event], None]], threading.Event]

on_single_and_cluster = pytest.mark.parametrize("redis_server", ["single", "cluster"], indirect=True)
"""Runs tests on a single Redis, and again on a Redis Cluster."""


class RedisServer(NamedTuple):
    """What REDIS_URL and REDIS_CLUSTER say."""

    url: str
    cluster: bool


@pytest.fixture(scope="session")
def cluster_nodes(servers_home: Path) -> Iterator[Nodes]:
    """Lend a Redis Cluster of three nodes; the tests empty it."""
    with run_nodes(servers_home / "cluster") as nodes:
        yield nodes


@pytest.fixture(scope="session")
def replicated_nodes_of_session(servers_home: Path) -> Iterator[Nodes]:
    with run_nodes(servers_home / "replicated", replicas=1) as nodes:
        yield nodes


@pytest.fixture
def replicated_nodes(replicated_nodes_of_session: Nodes) -> Iterator[Nodes]:
    """Lend an empty Redis Cluster of three primaries with a replica each, to do to it what one likes."""
    replicated_nodes_of_session.empty()
    yield replicated_nodes_of_session
    replicated_nodes_of_session.mend()


@pytest.fixture
def redis_server(request: pytest.FixtureRequest) -> RedisServer:
    """Lend a Redis, or a whole cluster to those tests that ask for both."""
    if getattr(request, "param", "single") == "cluster":
        return RedisServer(request.getfixturevalue("cluster_nodes").url, cluster=True)
    return RedisServer(request.getfixturevalue("redis_url"), cluster=False)


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """Lend the very client that the system uses, on an empty Redis."""
    with opened(redis_server) as opened_client:
        opened_client.flushall()
        yield opened_client


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


@pytest.fixture
def orders(client: redis.Redis) -> Orders:
    return Orders(client, PARTITIONS)


@pytest.fixture
def streams(client: redis.Redis) -> Streams:
    return Streams(client, P0)


@pytest.fixture
def ledger(database_url: str, ledger_connection: object) -> Iterator[Ledger]:
    opened = Ledger(lambda: connect(database_url))
    yield opened
    opened.close()


@pytest.fixture
def in_thread() -> Iterator[InThread]:
    """Lend a way to run something until its event is set, which happens at the latest when the test ends."""
    running: list[tuple[threading.Thread, threading.Event]] = []

    def start(work: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(stop,))
        thread.start()
        running.append((thread, stop))
        return stop

    yield start
    for _, stop in running:
        stop.set()
    for thread, _ in running:
        thread.join(10)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def entries_of(client: redis.Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    """Return a stream's entries, oldest first."""
    return cast("list[tuple[str, dict[str, str]]]", client.xrange(stream))
