"""Programs that differ in PARTITIONS: the one that starts second is refused, and no order is lost meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from local.run.poller import handler_of
from local.settings import ROOT
from local.template import read_template
from orderflow.adapters.capacity import Limits
from orderflow.adapters.intake import Intake, NewOrder
from orderflow.adapters.keys import key, order_partitions
from orderflow.adapters.messages import order_name
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.partition_count import (
    PARTITION_COUNT_KEY,
    AsyncPartitionCount,
    hold_partition_count,
    kept_partition_count,
)
from orderflow.adapters.replication import AsyncReplication
from orderflow.adapters.subscriptions import Subscription, Subscriptions
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.event_source.invoke import InProcess, Invoke
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime import clients
from tests.support.event_sources import event_source
from tests.support.order_steps import pending
from tests.support.redis_servers import RedisServer, close, entries_of, on_single_and_cluster, opened_async
from tests.support.threads import InThread
from tests.support.waiting import eventually

ROUTE = EventSourceMapping(function="route_order", stream="route")
LIMITS = Limits(max_lag=1_000, max_in_flight=1_000, max_memory=1)
_OPENED = [opened for opened in vars(clients).values() if hasattr(opened, "cache_clear")]

SetPartitions = Callable[[int], None]


class Invocations:
    """The real route_order in this process, with the times that its batch had to wait and why."""

    def __init__(self) -> None:
        function = read_template(ROOT / "template.yaml").function("route_order")
        self._invoke: Invoke = InProcess({"route_order": handler_of(function)})
        self.waits: list[str] = []

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        try:
            return self._invoke(function, event)
        except RetryableError as error:
            self.waits.append(str(error))
            raise


@pytest.fixture
def functions_have(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetPartitions]:
    """Lend a way to deploy the functions with another PARTITIONS: what their processes had opened is gone then."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("SPEED", "0")
    monkeypatch.setenv("REDIS_CLUSTER", str(int(redis_server.cluster)))

    def forget() -> None:
        if clients.redis_client.cache_info().currsize:
            close(clients.redis_client())
        for opened in _OPENED:
            opened.cache_clear()

    def deploy(partitions: int) -> None:
        monkeypatch.setenv("PARTITIONS", str(partitions))
        forget()

    forget()
    yield deploy
    forget()


def accept(client: redis.Redis, partitions: int, count: int = 40) -> set[str]:
    """Have orders wait for their route as a front door of so many partitions would."""
    orders = [pending() for _ in range(count)]
    Orders(client, partitions).apply([Transition(order) for order in orders])
    return {order.order_id for order in orders}


def count_in(client: redis.Redis, stream: str, partitions: int) -> int:
    return sum(client.xlen(key(name, stream)) for name in order_partitions(partitions))


def orders_in(client: redis.Redis, stream: str, partitions: int) -> set[str]:
    entries = [entry for name in order_partitions(partitions) for entry in entries_of(client, key(name, stream))]
    return {name[0] for _, fields in entries if (name := order_name(fields))}


@on_single_and_cluster
def test_the_first_start_decides_and_another_number_is_refused(client: redis.Redis) -> None:
    before = kept_partition_count(client)

    hold_partition_count(client, 4)
    hold_partition_count(client, 4)

    assert before is None
    assert kept_partition_count(client) == 4
    with pytest.raises(ConfigurationError, match=r"^PARTITIONS=2 can't be used .* in 4 partitions. Use PARTITIONS=4$"):
        hold_partition_count(client, 2)


@on_single_and_cluster
def test_the_number_that_make_run_kept_before_goes_on_to_hold(client: redis.Redis) -> None:
    client.set("orderflow:partitions", 3)

    with pytest.raises(ConfigurationError, match="Use PARTITIONS=3$"):
        hold_partition_count(client, 2)
    hold_partition_count(client, 3)

    assert kept_partition_count(client) == 3


def test_a_redis_that_takes_no_more_writes_still_says_its_number(client: redis.Redis) -> None:
    hold_partition_count(client, 4)
    client.config_set("maxmemory", 1)
    try:
        hold_partition_count(client, 4)
        with pytest.raises(ConfigurationError):
            hold_partition_count(client, 2)
    finally:
        client.config_set("maxmemory", 0)


@on_single_and_cluster
def test_a_front_door_with_another_number_takes_no_orders_and_no_subscriptions(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    async def use(partitions: int) -> None:
        async with opened_async(redis_server) as asynchronous:
            intake = Intake(asynchronous, partitions, LIMITS, AsyncReplication(asynchronous, 0))
            order = pending()
            await intake.create(NewOrder(order))
            await Subscriptions(asynchronous, partitions).add(Subscription(order.order_id, "c", "subscribe"))

    asyncio.run(use(4))
    with pytest.raises(ConfigurationError):
        asyncio.run(use(2))

    assert kept_partition_count(client) == 4
    assert count_in(client, "route", 4) == 1


def test_callers_at_the_same_time_ask_once(client: redis.Redis, redis_server: RedisServer) -> None:
    async def hold() -> None:
        async with opened_async(redis_server) as asynchronous:
            count = AsyncPartitionCount(asynchronous, 4)
            await asyncio.gather(*(count.hold() for _ in range(500)))
            await count.hold()

    client.config_resetstat()
    asyncio.run(hold())

    assert client.info("commandstats")["cmdstat_get"]["calls"] == 2  # before it was kept, and after


def test_what_could_not_be_asked_is_asked_again(client: redis.Redis, redis_server: RedisServer) -> None:
    hold_partition_count(client, 4)

    async def hold() -> list[object]:
        async with opened_async(redis_server) as asynchronous:
            count = AsyncPartitionCount(asynchronous, 2)
            refused: list[object] = await asyncio.gather(*(count.hold() for _ in range(3)), return_exceptions=True)
            client.set(PARTITION_COUNT_KEY, 2)
            await count.hold()
            return refused

    assert [type(error) for error in asyncio.run(hold())] == [ConfigurationError] * 3


def test_sockets_with_another_number_are_refused_as_well(client: redis.Redis, redis_server: RedisServer) -> None:
    async def subscribe() -> None:
        async with opened_async(redis_server) as asynchronous:
            await Subscriptions(asynchronous, 2).add(Subscription("an order", "c", "subscribe"))

    hold_partition_count(client, 4)

    with pytest.raises(ConfigurationError):
        asyncio.run(subscribe())


def test_an_event_source_with_another_number_ends_and_takes_nothing(client: redis.Redis, in_thread: InThread) -> None:
    hold_partition_count(client, 2)
    accept(client, 2)
    source = event_source(client, [ROUTE], Invocations(), partitions=4)

    with pytest.raises(ConfigurationError):
        source.rebalance()

    assert source.partitions == []
    assert not client.exists(*(key(name, "lease") for name in order_partitions(4)))


def test_an_event_source_ends_when_the_number_becomes_another_under_it(client: redis.Redis) -> None:
    source = event_source(client, [ROUTE], Invocations(), partitions=4)
    source.rebalance()
    client.set(PARTITION_COUNT_KEY, 2)

    with pytest.raises(ConfigurationError):
        source.rebalance()

    source.close()


@on_single_and_cluster
@pytest.mark.parametrize(("of_functions", "of_source"), [(2, 4), (4, 2)])
def test_functions_that_differ_from_the_event_source_lose_no_order(
    client: redis.Redis,
    functions_have: SetPartitions,
    in_thread: InThread,
    of_functions: int,
    of_source: int,
) -> None:
    functions_have(of_functions)
    invoke = Invocations()
    accepted = accept(client, of_source)
    in_thread(event_source(client, [ROUTE], invoke, partitions=of_source, name="one").run)
    eventually(lambda: len(invoke.waits) > of_source)
    waiting, routed = count_in(client, "route", of_source), count_in(client, "build", 4)

    functions_have(of_source)
    eventually(lambda: count_in(client, "build", of_source) == len(accepted))

    assert (waiting, routed) == (len(accepted), 0)
    assert f"PARTITIONS={of_functions} can't be used with this Redis" in invoke.waits[0]
    assert all(client.xlen(key(name, "dead")) == 0 for name in order_partitions(4))


@pytest.mark.parametrize(("of_functions", "of_source"), [(2, 4), (4, 2)])
def test_not_even_when_redis_forgot_the_number_after_they_had_asked(
    client: redis.Redis, functions_have: SetPartitions, in_thread: InThread, of_functions: int, of_source: int
) -> None:
    functions_have(of_functions)
    clients.orders()
    client.delete(PARTITION_COUNT_KEY)
    invoke = Invocations()
    accepted = accept(client, of_source)
    in_thread(event_source(client, [ROUTE], invoke, partitions=of_source, name="one").run)
    eventually(lambda: any("PARTITIONS differs" in wait for wait in invoke.waits))
    # An order that has gone on stays in its batch's stream until all of the batch is done: it may be in both.
    under_way = orders_in(client, "route", of_source) | orders_in(client, "build", of_source)

    functions_have(of_source)
    eventually(lambda: count_in(client, "build", of_source) == len(accepted))

    assert under_way == accepted
    assert all(client.xlen(key(name, "dead")) == 0 for name in order_partitions(4))
