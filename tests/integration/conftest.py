"""What the integration tests share: real servers, the adapters over them, and threads."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from local.servers.redis_server import start_redis
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.orders import Orders
from orderflow.adapters.postgres import connect
from orderflow.adapters.streams import Streams
from orderflow.runtime.clients import open_redis
from tests.support.redis_cluster import Nodes, run_nodes
from tests.support.redis_servers import P0, PARTITIONS, RedisServer, opened
from tests.support.threads import InThread, threads


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
    with threads() as start:
        yield start


@pytest.fixture(scope="module")
def quick_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """Lend a Redis that keeps nothing on disk: the model check puts it back to an earlier state thousands of times."""
    backing = start_redis(tmp_path_factory.mktemp("model"), None)
    with open_redis(backing.url) as client:
        client.config_set("appendonly", "no")
        yield client
        client.connection_pool.disconnect()
    backing.stop()
