"""More than the engine carries, on a real Redis: refused in the creating call, until there is room again."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
import redis

from orderflow.adapters import capacity
from orderflow.adapters.capacity import Limits
from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.replication import Replication
from orderflow.domain.conditions import Limit, Price
from orderflow.domain.lifecycle import STREAMS
from orderflow.domain.order import OrderRequest
from orderflow.errors import OverloadedError
from orderflow.runtime import order_ids
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import make_order, make_waiting_request
from tests.support.intake import AMPLE, with_intake
from tests.support.order_steps import pending
from tests.support.redis_cluster import Nodes
from tests.support.redis_servers import RedisServer, on_single_and_cluster

MAX_LAG, MAX_IN_FLIGHT, MAX_RESTING = 5, 8, 4
FEW = Limits(max_lag=MAX_LAG, max_in_flight=1_000, max_memory=0.8)
Outcome = object


@pytest.fixture
def _always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the intake ask for what is left at every order."""
    monkeypatch.setattr(capacity, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def memory(client: redis.Redis) -> Iterator[redis.Redis]:
    """Lend a client to limit Redis' memory with; the limit is taken back."""
    yield client
    client.config_set("maxmemory", 0)


def limit_memory(client: redis.Redis, share_used: float) -> None:
    used = int(client.info("memory")["used_memory"])
    client.config_set("maxmemory", int(used / share_used))


async def create_all(intake: Intake, news: Sequence[NewOrder]) -> list[Outcome]:
    return await asyncio.gather(*(intake.create(new) for new in news), return_exceptions=True)


def create(server: RedisServer, news: Sequence[NewOrder], limits: Limits = FEW) -> list[Outcome]:
    return with_intake(server, lambda intake: create_all(intake, news), limits)


def refusals(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.limit, outcome.where) for outcome in outcomes if isinstance(outcome, OverloadedError)]


def wait_at(client: redis.Redis, stream: str, records: int) -> None:
    for _ in range(records):
        client.xadd(stream, {"order": "{}"})


@on_single_and_cluster
@pytest.mark.parametrize("stage", STREAMS)
def test_a_stage_too_far_behind_closes_its_partition_until_it_has_caught_up(
    redis_server: RedisServer, client: redis.Redis, stage: str
) -> None:
    wait_at(client, f"{{p0}}:{stage}", MAX_LAG)

    one_too_many, accepted = NewOrder(pending()), NewOrder(pending())
    refused = create(redis_server, [one_too_many])
    client.xtrim(f"{{p0}}:{stage}", maxlen=MAX_LAG - 1, approximate=False)
    outcome = create(redis_server, [accepted])

    assert refusals(refused) == [("MAX_LAG", f"p0:{stage}")]
    assert outcome == [accepted.order.order_id]
    assert client.exists(f"{{p0}}:order:{one_too_many.order.order_id}") == 0
    assert client.exists(f"{{p0}}:order:{accepted.order.order_id}") == 1


@pytest.mark.parametrize("waiting", [0, 2])
def test_of_many_at_once_as_many_are_accepted_as_there_is_room_for(
    redis_server: RedisServer, client: redis.Redis, waiting: int
) -> None:
    wait_at(client, "{p0}:route", waiting)
    news = [NewOrder(pending()) for _ in range(20)]

    outcomes = create(redis_server, news)

    assert len(refusals(outcomes)) == 20 - (MAX_LAG - waiting)
    assert client.xlen("{p0}:route") == client.xlen("{p0}:status") + waiting == MAX_LAG
    made = [new.order.order_id for new, outcome in zip(news, outcomes, strict=True) if outcome == new.order.order_id]
    assert sorted(client.keys("{p0}:order:*")) == sorted(f"{{p0}}:order:{order_id}" for order_id in made)


def test_each_kind_of_order_has_the_room_of_the_stage_at_which_it_begins(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    waiting = [NewOrder(pending(request=make_waiting_request())) for _ in range(MAX_LAG + 3)]
    market = [NewOrder(pending()) for _ in range(MAX_LAG + 3)]

    outcomes = create(redis_server, [*waiting, *market])

    assert refusals(outcomes) == [*[("MAX_LAG", "p0:open")] * 3, *[("MAX_LAG", "p0:route")] * 3]
    assert client.xlen("{p0}:open") == client.xlen("{p0}:route") == MAX_LAG


def test_too_many_orders_under_way_close_a_partition(redis_server: RedisServer, client: redis.Redis) -> None:
    client.zadd("{p0}:timers", {f"confirm 1 order {number}": 9e15 for number in range(MAX_IN_FLIGHT - 3)})
    wait_at(client, "{p0}:build", 2)

    outcomes = create(redis_server, [NewOrder(pending()) for _ in range(3)], Limits(1_000, MAX_IN_FLIGHT, 0.8))

    assert refusals(outcomes) == [("MAX_IN_FLIGHT", "p0")] * 2


def test_the_status_stream_may_grow_so_that_trading_goes_on_without_postgres(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    wait_at(client, "{p0}:status", 10 * MAX_LAG)

    assert refusals(create(redis_server, [NewOrder(pending())])) == []


def test_during_overload_a_known_key_is_answered_and_a_new_one_leaves_no_trace(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    first, repeated, other = NewOrder(pending(), "a", "1"), NewOrder(pending(), "a", "1"), NewOrder(pending(), "a", "2")
    new = NewOrder(pending(), "b", "1")
    create(redis_server, [first])
    wait_at(client, "{p0}:route", MAX_LAG)

    outcomes = create(redis_server, [repeated, other, new])
    client.xtrim("{p0}:route", maxlen=0, approximate=False)
    again = create(redis_server, [new])

    assert outcomes[:2] == [first.order.order_id, Conflict.KEY_REUSED]
    assert refusals(outcomes[2:]) == [("MAX_LAG", "p0:route")]
    assert again == [new.order.order_id]


@pytest.mark.usefixtures("_always_looking")
def test_the_chain_too_far_behind_closes_every_partition(redis_server: RedisServer, client: redis.Redis) -> None:
    wait_at(client, "{chain}:transactions", MAX_LAG)
    first, repeated = NewOrder(pending(), "a", "1"), NewOrder(pending(), "a", "1")

    async def work(intake: Intake) -> tuple[list[Outcome], list[Outcome]]:
        refused = await create_all(intake, [NewOrder(pending())])
        client.xtrim("{chain}:transactions", maxlen=0, approximate=False)
        await intake.create(first)
        wait_at(client, "{chain}:transactions", MAX_LAG)
        return refused, await create_all(intake, [repeated, NewOrder(pending(), "b", "1")])

    venue = MockVenue(ChainStore(client), Latency(seed=1, speed=0), Replication(client, min_replicas=0))
    refused, with_key = with_intake(redis_server, work, FEW, venue_load=venue.load)

    assert refusals(refused) == [("MAX_LAG", "chain:transactions")]
    assert with_key[0] == first.order.order_id
    assert refusals(with_key) == [("MAX_LAG", "chain:transactions")]


@pytest.mark.usefixtures("_always_looking")
@pytest.mark.parametrize("share_used", [0.9, 1.5], ids=["nearly full", "more than full"])
def test_a_redis_that_is_nearly_full_takes_no_new_orders_until_there_is_room(
    redis_server: RedisServer, memory: redis.Redis, share_used: float
) -> None:
    first, repeated = NewOrder(pending(), "a", "1"), NewOrder(pending(), "a", "1")

    async def work(intake: Intake) -> tuple[list[Outcome], list[Outcome]]:
        await intake.create(first)
        limit_memory(memory, share_used)
        refused = await create_all(intake, [repeated, NewOrder(pending()), NewOrder(pending(), "b", "1")])
        limit_memory(memory, 0.5)
        return refused, await create_all(intake, [NewOrder(pending())])

    during, after = with_intake(redis_server, work, AMPLE)

    assert during[0] == first.order.order_id
    assert refusals(during) == [("MAX_MEMORY", "redis")] * 2
    assert refusals(after) == []
    assert memory.xlen("{p0}:route") == 2


@pytest.mark.usefixtures("_always_looking")
def test_without_a_limit_of_its_own_redis_may_use_the_machines_memory(
    redis_server: RedisServer, memory: redis.Redis
) -> None:
    memory.config_set("maxmemory", 0)
    info = memory.info("memory")
    share = info["used_memory"] / info["total_system_memory"]

    refused = create(redis_server, [NewOrder(pending())], Limits(1_000, 1_000, max_memory=share / 2))
    accepted = create(redis_server, [NewOrder(pending())], Limits(1_000, 1_000, max_memory=share * 2))

    assert refusals(refused) == [("MAX_MEMORY", "redis")]
    assert refusals(accepted) == []


def test_of_a_cluster_the_fullest_primary_counts(cluster_nodes: Nodes) -> None:
    server = RedisServer(cluster_nodes.url, cluster=True)
    for node in cluster_nodes.all:
        with redis.Redis.from_url(node.url, decode_responses=True) as client:
            limit_memory(client, 0.9)

            outcomes = create(server, [NewOrder(pending())], AMPLE)
            client.config_set("maxmemory", 0)

        assert refusals(outcomes) == [("MAX_MEMORY", "redis")]


def test_what_is_left_is_asked_for_once_a_second_however_many_orders_come(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    client.config_resetstat()

    async def work(intake: Intake) -> None:
        for _ in range(10):
            await create_all(intake, [NewOrder(pending()) for _ in range(10)])

    with_intake(redis_server, work, AMPLE)

    calls = client.info("commandstats")
    assert client.xlen("{p0}:route") == 100
    assert calls["cmdstat_info"]["calls"] <= 2


def test_too_many_orders_at_rest_close_a_partition_to_those_that_would_rest(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    client.zadd("{p0}:resting", {f"order {number}": 9e15 for number in range(MAX_RESTING - 1)})
    few = Limits(1_000, 1_000, 0.8, MAX_RESTING)
    waiting = OrderRequest("SOL", "USDC", 10**9, "limit", 500, limit=Limit(Price(Decimal(250))))
    orders = [make_order(request=waiting, order_id=order_ids.beside("a", 1)) for _ in range(3)] + [pending()]

    outcomes = create(redis_server, [NewOrder(order) for order in orders], few)

    assert refusals(outcomes) == [("MAX_RESTING", "p0")] * 2
    assert outcomes[-1] == orders[-1].order_id
