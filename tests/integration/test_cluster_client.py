"""The clients of a Redis Cluster: they wait, follow and fail as those of a single Redis do."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import pytest
import redis
import uvloop
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.redis_cluster import AsyncCluster, Cluster
from orderflow.adapters.streams import Streams
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.clients import open_redis
from orderflow.venues.mock.chain_store import ChainStore
from tests.support.order_steps import pending, routed, submitted
from tests.support.ports import HOST
from tests.support.redis_cluster import Node, Nodes, slot_of
from tests.support.redis_servers import RedisServer, on_single_and_cluster, opened, opened_async
from tests.support.turns import read_new
from tests.support.waiting import eventually

NOWHERE = "redis://127.0.0.1:1"
Result = TypeVar("Result")


async def with_client(server: RedisServer, work: Callable[[AsyncRedis], Awaitable[Result]]) -> Result:
    """Do `work` with the front door's client of a server."""
    async with opened_async(server) as client:
        return await work(client)


def run(server: RedisServer, work: Callable[[AsyncRedis], Awaitable[Result]]) -> Result:
    """Do `work` with the front door's client of a server."""
    return asyncio.run(with_client(server, work))


def replicated(nodes: Nodes) -> RedisServer:
    return RedisServer(nodes.all[0].url, cluster=True)


@on_single_and_cluster
def test_more_threads_than_connections_wait_for_their_turn(redis_server: RedisServer) -> None:
    with opened(redis_server, max_connections=2) as client:
        client.delete("{p0}:count")

        with ThreadPoolExecutor(16) as threads:
            counted = list(threads.map(lambda _: client.incr("{p0}:count"), range(400)))

    assert sorted(counted) == list(range(1, 401))


@on_single_and_cluster
def test_more_calls_at_once_than_connections_wait_for_their_turn(redis_server: RedisServer) -> None:
    async def count(client: AsyncRedis) -> list[int]:
        await client.delete("{p0}:count")
        return await asyncio.gather(*(client.incr("{p0}:count") for _ in range(400)))

    assert sorted(run(redis_server, count)) == list(range(1, 401))


@pytest.mark.parametrize("cluster", [False, True])
def test_a_redis_that_is_unavailable_means_that_a_batch_waits(cluster: bool) -> None:
    @stream_function
    def handler(_event: StreamEvent, _context: Any) -> BatchResponse:
        open_redis(NOWHERE, cluster=cluster).ping()
        return {"batchItemFailures": []}

    with pytest.raises(RetryableError, match="Redis can't be reached"):
        handler({"Records": []}, None)


@pytest.mark.parametrize("cluster", [False, True])
def test_the_front_door_gets_redis_own_error_when_redis_is_unavailable(cluster: bool) -> None:
    with pytest.raises(redis.RedisError):
        run(RedisServer(NOWHERE, cluster), lambda client: client.get("{p0}:count"))


def test_keys_of_several_slots_are_our_fault_and_nothing_to_wait_for(cluster_nodes: Nodes) -> None:
    server = RedisServer(cluster_nodes.url, cluster=True)

    with opened(server) as client, pytest.raises(redis.DataError, match="same key slot"):
        client.mget(["{p0}:a", "{p1}:b"])


def test_learning_the_layout_anew_disturbs_no_call_that_is_under_way(cluster_nodes: Nodes) -> None:
    server = RedisServer(cluster_nodes.url, cluster=True)
    with opened(server, max_connections=4) as client, ThreadPoolExecutor(8) as threads:
        client.delete("{p0}:count")

        counted = [threads.submit(client.incr, "{p0}:count") for _ in range(2000)]
        while not all(count.done() for count in counted):
            cast("Cluster", client).nodes_manager.initialize()

    assert sorted(count.result() for count in counted) == list(range(1, 2001))


def test_a_call_that_got_no_answer_is_not_sent_again(cluster_nodes: Nodes) -> None:
    primary = cluster_nodes.primary_of("{p0}")
    with opened(RedisServer(cluster_nodes.url, cluster=True), socket_timeout=0.2) as client:
        client.set("{p0}:count", 0)

        primary.signal(signal.SIGSTOP)
        with pytest.raises(redis.TimeoutError):
            client.incr("{p0}:count")
        primary.signal(signal.SIGCONT)

        eventually(lambda: primary.ask("GET", "{p0}:count") == "1")
        cluster_nodes.wait_until_whole()
        assert client.incr("{p0}:count") == 2


def test_a_call_of_the_front_door_that_got_no_answer_is_not_sent_again(
    cluster_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_clients, "TIMEOUT_S", 0.2)
    primary = cluster_nodes.primary_of("{p0}")
    primary.ask("SET", "{p0}:count", 0)

    async def count(client: AsyncRedis) -> None:
        await client.get("{p0}:count")
        primary.signal(signal.SIGSTOP)
        with pytest.raises(redis.TimeoutError):
            await client.incr("{p0}:count")
        primary.signal(signal.SIGCONT)

    run(RedisServer(cluster_nodes.url, cluster=True), count)

    eventually(lambda: primary.ask("GET", "{p0}:count") == "1")
    cluster_nodes.wait_until_whole()


def test_a_connection_that_broke_unused_fails_the_next_call_by_redis_own_error(cluster_nodes: Nodes) -> None:
    async def call(client: AsyncRedis) -> None:
        await client.get("{p0}:count")
        node = cast("AsyncCluster", client).get_node_from_key("{p0}:count")
        assert node is not None
        for connection in node._connections:
            assert connection._writer is not None
            connection._writer.transport.abort()
        with pytest.raises(redis.ConnectionError):
            await client.get("{p0}:count")
        await client.get("{p0}:count")

    # On the loop that the front door runs on, which has a word of its own for a closed connection.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(with_client(RedisServer(cluster_nodes.url, cluster=True), call))


@contextmanager
def moving(nodes: Nodes, key: str) -> Iterator[Node]:
    """Have the slot of a key be on its way to another node, to which its node redirects for what is not there."""
    source = nodes.primary_of(key)
    target = next(node for node in nodes.all if node is not source)
    source_id, target_id = source.ask("CLUSTER MYID"), target.ask("CLUSTER MYID")
    target.ask("CLUSTER SETSLOT", slot_of(key), "IMPORTING", source_id)
    source.ask("CLUSTER SETSLOT", slot_of(key), "MIGRATING", target_id)
    try:
        yield target
    finally:
        for node in (source, target):
            node.ask("CLUSTER SETSLOT", slot_of(key), "STABLE")


def test_a_slot_that_is_moving_is_followed_and_waited_for(cluster_nodes: Nodes) -> None:
    with (
        opened(RedisServer(cluster_nodes.url, cluster=True)) as client,
        moving(cluster_nodes, "{p0}:new") as target,
    ):
        assert client.get("{p0}:new") is None

        # Such is a node that was just added: it has no slot yet, so a client has not heard of it.
        del cast("Cluster", client).nodes_manager.nodes_cache[f"{HOST}:{target.port}"]
        with pytest.raises(redis.RedisError):
            client.get("{p0}:new")


def test_a_slot_that_is_moving_is_followed_and_waited_for_by_the_front_door(cluster_nodes: Nodes) -> None:
    async def call(client: AsyncRedis) -> None:
        await client.get("{p1}:anything")
        with moving(cluster_nodes, "{p0}:new") as target:
            assert await client.get("{p0}:new") is None

            known = cast("AsyncCluster", client).nodes_manager.nodes_cache
            unheard_of = known.pop(f"{HOST}:{target.port}")
            with pytest.raises(redis.RedisError):
                await client.get("{p0}:new")
            known[unheard_of.name] = unheard_of

    run(RedisServer(cluster_nodes.url, cluster=True), call)


def test_scripts_reads_and_transactions_follow_to_a_new_primary_that_knows_no_scripts(replicated_nodes: Nodes) -> None:
    with opened(replicated(replicated_nodes)) as client:
        orders, streams, venue = Orders(client, partitions=1), Streams(client, "p0"), ChainStore(client)
        order = pending()
        orders.apply([Transition(order)])
        streams.create_group("route", "route_order")
        venue.state()

        for tag in ("{p0}", "{chain}"):
            replicated_nodes.hand_over(tag)

        # What failed while the cluster changed is asked for again by the caller that wants it; the second time must do.
        assert try_twice(lambda: orders.apply([Transition(routed(order))])) == [True]
        assert len(try_twice(lambda: read_new(streams, "route", "route_order"))) == 1
        assert try_twice(ChainStore(client).state) == venue.state()
        try_twice(lambda: venue.send([(submitted(pending()), 0)]))
        assert client.xlen("{chain}:transactions") == 1


def test_the_front_door_follows_to_a_new_primary(replicated_nodes: Nodes) -> None:
    async def count(client: AsyncRedis) -> tuple[int, int]:
        script = client.register_script("return redis.call('INCR', KEYS[1])")
        await client.delete("{p0}:count")
        before = await script(["{p0}:count"])
        await asyncio.to_thread(replicated_nodes.hand_over, "{p0}")
        return before, await script(["{p0}:count"])

    assert run(replicated(replicated_nodes), count) == (1, 2)


def try_twice(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except redis.RedisError:
        return work()
