"""The whole pipeline on a Redis Cluster: orders of every partition, over all nodes, each executed once and recorded."""

import asyncio
from collections.abc import Iterator

import pytest
import redis

from local.run.poller import handler_of
from local.settings import ROOT
from local.template import read_template
from orderflow.adapters.capacity import Limits
from orderflow.adapters.intake import Intake, NewOrder
from orderflow.adapters.keys import key, order_partitions, partition_of
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.replication import AsyncReplication
from orderflow.event_source.invoke import InProcess
from orderflow.runtime import clients
from orderflow.venues.mock.keys import CHAIN
from tests.support.event_sources import event_source
from tests.support.order_steps import a_request, pending
from tests.support.placed_orders import audit, ended
from tests.support.redis_cluster import Nodes
from tests.support.redis_servers import RedisServer, close, opened_async
from tests.support.threads import InThread
from tests.support.waiting import eventually

PARTITIONS = 8
NAMES = order_partitions(PARTITIONS)
ORDERS = 240

_OPENED = [opened for opened in vars(clients).values() if hasattr(opened, "cache_clear")]


@pytest.fixture
def redis_server(cluster_nodes: Nodes) -> RedisServer:
    return RedisServer(cluster_nodes.url, cluster=True)


@pytest.fixture
def _functions_environment(
    redis_server: RedisServer, database_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give the functions' own clients the cluster and the ledger, and forget what they opened."""
    settings = {
        "REDIS_URL": redis_server.url,
        "REDIS_CLUSTER": "1",
        "DATABASE_URL": database_url,
        "PARTITIONS": str(PARTITIONS),
        "SPEED": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for opened in _OPENED:
        opened.cache_clear()
    yield
    clients.ledger().close()
    close(clients.redis_client())
    for opened in _OPENED:
        opened.cache_clear()


def accept(server: RedisServer, count: int) -> list[str]:
    """Create orders in both directions, as the front door does."""
    requests = [a_request(), a_request("USDC", "SOL", 200_000_000)]
    news = [NewOrder(pending(request=requests[number % 2])) for number in range(count)]

    async def create() -> list[object]:
        async with opened_async(server) as client:
            limits = Limits(max_lag=2_000, max_in_flight=50_000, max_memory=1)
            intake = Intake(client, PARTITIONS, limits, AsyncReplication(client, 0))
            return await asyncio.gather(*(intake.create(new) for new in news))

    return [str(order_id) for order_id in asyncio.run(create())]


@pytest.mark.usefixtures("_functions_environment")
def test_orders_of_every_partition_go_their_way_over_all_nodes(
    redis_server: RedisServer, cluster_nodes: Nodes, client: redis.Redis, database_url: str, in_thread: InThread
) -> None:
    template = read_template(ROOT / "template.yaml")
    mappings = template.event_sources
    handlers = {mapping.function: handler_of(template.function(mapping.function)) for mapping in mappings}
    accepted = accept(redis_server, ORDERS)

    for name in ("one", "two"):
        in_thread(event_source(client, mappings, InProcess(handlers), partitions=PARTITIONS, name=name).run)

    state: dict[str, object] = {
        "database_url": database_url,
        "redis_url": cluster_nodes.primary_of("{chain}").url,
    }
    eventually(lambda: ended(state) == ORDERS, timeout_s=60)
    assert audit(state, accepted) == []
    assert {partition_of(order_id, PARTITIONS) for order_id in accepted} == set(NAMES)
    assert {cluster_nodes.primary_of(key(name, "")) for name in NAMES} == set(cluster_nodes.all)
    eventually(lambda: not any(client.xlen(key(name, "status")) for name in NAMES))
    assert not any(client.exists(key(name, left)) for name in [*NAMES, CHAIN] for left in ("dead", "timers"))
