"""What was written and replicated survives its primary, and what was not is noticed before anybody relies on it."""

import asyncio
import signal
from collections.abc import Callable, Iterator

import pytest
import redis

from orderflow.adapters import replication
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.replication import (
    AsyncReplication,
    ReplicatedWrite,
    Replication,
    end_requested,
    transition_written,
)
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.clients import open_redis
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.venue import transaction_executed, transaction_sent
from tests.support.builders import land
from tests.support.order_steps import pending, submitted
from tests.support.redis_cluster import Nodes
from tests.support.redis_servers import RedisServer, opened, opened_async
from tests.support.waiting import eventually

WaitFor = Callable[[Nodes, int, ReplicatedWrite], None]


def by_threads(nodes: Nodes, min_replicas: int, written: ReplicatedWrite) -> None:
    """Wait with the stages' client of the cluster."""
    with opened(RedisServer(nodes.all[0].url, cluster=True)) as client:
        Replication(client, min_replicas).wait_for([written])


def by_asyncio(nodes: Nodes, min_replicas: int, written: ReplicatedWrite) -> None:
    """Wait with the front door's client of the cluster."""

    async def wait() -> None:
        async with opened_async(RedisServer(nodes.all[0].url, cluster=True)) as client:
            await client.get("{p0}:anything")
            await AsyncReplication(client, min_replicas).wait_for([written])

    asyncio.run(wait())


def by_threads_at_a_single_primary(nodes: Nodes, min_replicas: int, written: ReplicatedWrite) -> None:
    """Wait with the client of a Redis that is no cluster but has replicas, as a shard on its own is."""
    with opened(RedisServer(nodes.primary_of("{p0}").url, cluster=False)) as client:
        Replication(client, min_replicas).wait_for([written])


def by_asyncio_at_a_single_primary(nodes: Nodes, min_replicas: int, written: ReplicatedWrite) -> None:
    async def wait() -> None:
        async with opened_async(RedisServer(nodes.primary_of("{p0}").url, cluster=False)) as client:
            await AsyncReplication(client, min_replicas).wait_for([written])

    asyncio.run(wait())


each_client = pytest.mark.parametrize(
    "wait_for", [by_threads, by_asyncio, by_threads_at_a_single_primary, by_asyncio_at_a_single_primary]
)


def refusal(wait_for: WaitFor, nodes: Nodes, min_replicas: int, written: ReplicatedWrite) -> str | None:
    """Return why it means to try again; None when enough replicas have it."""
    try:
        wait_for(nodes, min_replicas, written)
    except RetryableError as error:
        return str(error)
    return None


@pytest.fixture
def client(replicated_nodes: Nodes) -> Iterator[redis.Redis]:
    with opened(RedisServer(replicated_nodes.all[0].url, cluster=True)) as client:
        yield client


@pytest.fixture
def orders(client: redis.Redis) -> Orders:
    return Orders(client, partitions=1)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication, "TIMEOUT_MS", 100)


@each_client
def test_what_the_replica_has_is_not_waited_for(replicated_nodes: Nodes, orders: Orders, wait_for: WaitFor) -> None:
    order = pending()
    orders.apply([Transition(order)])

    wait_for(replicated_nodes, 1, transition_written(order, 1))


@each_client
@pytest.mark.usefixtures("_impatient")
def test_fewer_replicas_than_asked_for_means_try_again(replicated_nodes: Nodes, wait_for: WaitFor) -> None:
    # A replica of a busy machine may need longer than an impatient caller grants it.
    eventually(
        lambda: (
            refusal(wait_for, replicated_nodes, 2, ReplicatedWrite("p0"))
            == "1 of 2 replicas have what was written to p0"
        )
    )


@each_client
@pytest.mark.usefixtures("_impatient")
def test_a_replica_that_hangs_has_nothing(
    replicated_nodes: Nodes, client: redis.Redis, orders: Orders, wait_for: WaitFor
) -> None:
    order = pending()
    replica = replicated_nodes.replica_of(replicated_nodes.primary_of("{p0}"))

    replica.signal(signal.SIGSTOP)
    orders.apply([Transition(order)])
    hanging = refusal(wait_for, replicated_nodes, 1, transition_written(order, 1))
    replica.signal(signal.SIGCONT)

    assert hanging == "0 of 1 replicas have what was written to p0"
    eventually(lambda: refusal(wait_for, replicated_nodes, 1, transition_written(order, 1)) is None)


@each_client
def test_a_step_that_a_failover_took_back_is_missed(
    replicated_nodes: Nodes, client: redis.Redis, orders: Orders, wait_for: WaitFor
) -> None:
    order = pending()
    primary = replicated_nodes.primary_of("{p0}")
    replica = replicated_nodes.replica_of(primary)

    replicated_nodes.cut_off(replica)
    orders.apply([Transition(order)])
    primary.kill()
    replica.signal(signal.SIGCONT)
    replicated_nodes.primary_of("{p0}")
    replicated_nodes.mend()

    # The new primary has a replica again, which has all that it has; but the order is in neither.
    with pytest.raises(RetryableError, match=f"^a failover of p0 took {{p0}}:order:{order.order_id} back$"):
        wait_for(replicated_nodes, 1, transition_written(order, 1))


def test_a_barrier_that_met_the_former_primary_finds_the_new_one_the_next_time(
    replicated_nodes: Nodes, client: redis.Redis
) -> None:
    kept = Replication(client, 1)
    kept.wait_for([ReplicatedWrite("p0")])
    replicated_nodes.hand_over("{p0}")

    with pytest.raises(RetryableError, match="MovedError"):
        kept.wait_for([ReplicatedWrite("p0")])

    kept.wait_for([ReplicatedWrite("p0")])


def test_a_barrier_of_the_front_door_that_met_the_former_primary_finds_the_new_one_the_next_time(
    replicated_nodes: Nodes,
) -> None:
    async def wait() -> None:
        async with opened_async(RedisServer(replicated_nodes.all[0].url, cluster=True)) as client:
            await client.get("{p0}:anything")
            kept = AsyncReplication(client, 1)
            await asyncio.to_thread(replicated_nodes.hand_over, "{p0}")
            with pytest.raises(RetryableError, match="MovedError"):
                await kept.wait_for([ReplicatedWrite("p0")])
            await kept.wait_for([ReplicatedWrite("p0")])

    asyncio.run(wait())


def test_an_order_at_an_earlier_step_was_taken_back(replicated_nodes: Nodes, orders: Orders) -> None:
    order = pending()
    orders.apply([Transition(order)])

    with pytest.raises(RetryableError, match="took"):
        by_threads(replicated_nodes, 1, transition_written(submitted(order), 1))


def test_an_end_that_was_requested_is_there_and_one_that_a_failover_took_back_is_missed(
    replicated_nodes: Nodes, orders: Orders
) -> None:
    order = pending()
    orders.apply([Transition(order)])
    with pytest.raises(RetryableError, match="took"):
        by_threads(replicated_nodes, 1, end_requested(order, 1))

    assert orders.request_ends([order], Status.CANCELLED) == [True]

    by_threads(replicated_nodes, 1, end_requested(order, 1))


def test_a_transaction_is_sent_before_it_is_executed(replicated_nodes: Nodes, client: redis.Redis) -> None:
    order, venue = submitted(pending()), ChainStore(client, seed=1)
    with pytest.raises(RetryableError):
        by_threads(replicated_nodes, 1, transaction_sent(order.signature))

    venue.send([(order, 0)])

    by_threads(replicated_nodes, 1, transaction_sent(order.signature))
    with pytest.raises(RetryableError):
        by_threads(replicated_nodes, 1, transaction_executed(order.signature))
    number, state = venue.state()
    assert venue.commit(number, land([order], state))
    by_threads(replicated_nodes, 1, transaction_executed(order.signature))


def test_nothing_is_asked_of_anybody_where_no_replica_is_asked_for() -> None:
    nowhere = open_redis("redis://127.0.0.1:1")

    Replication(nowhere, 0).wait_for([ReplicatedWrite("p0")])
