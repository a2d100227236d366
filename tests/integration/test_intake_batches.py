"""Batches of orders on a real Redis: one trip to a partition, each order made once and answered by itself."""

import asyncio
from collections.abc import Sequence

import pytest
import redis

from orderflow.adapters import capacity
from orderflow.adapters.capacity import Limits
from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import OrderId
from orderflow.errors import ConfigurationError, OverloadedError, RetryableError
from tests.support.intake import AMPLE, with_intake
from tests.support.order_steps import pending
from tests.support.redis_servers import RedisServer, on_single_and_cluster

PARTITIONS = 4


def create_each(
    server: RedisServer, news: Sequence[NewOrder], limits: Limits = AMPLE, partitions: int = 1, min_replicas: int = 0
) -> list[OrderId | Conflict | Exception]:
    return with_intake(
        server, lambda intake: intake.create_each(news), limits, min_replicas=min_replicas, partitions=partitions
    )


def ids_of(news: Sequence[NewOrder]) -> list[OrderId | Conflict | Exception]:
    return [new.order.order_id for new in news]


def waiting(client: redis.Redis, partitions: int) -> int:
    return sum(client.xlen(f"{{p{number}}}:route") for number in range(partitions))


@on_single_and_cluster
def test_the_orders_of_a_batch_are_all_created_and_answered_in_their_order(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    news = [NewOrder(pending()) for _ in range(100)]

    outcomes = create_each(redis_server, news, partitions=PARTITIONS)

    assert outcomes == ids_of(news)
    assert waiting(client, PARTITIONS) == 100


def test_a_batch_is_one_trip_to_each_partition(redis_server: RedisServer, client: redis.Redis) -> None:
    def scripts_run() -> int:
        stats = client.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))

    create_each(redis_server, [NewOrder(pending())], partitions=PARTITIONS)  # the script is there from here on
    before = scripts_run()

    news = [NewOrder(pending()) for _ in range(100)]
    create_each(redis_server, news, partitions=PARTITIONS)

    partitions = {partition_of(new.order.order_id, PARTITIONS) for new in news}
    assert scripts_run() - before == len(partitions) > 1


@pytest.mark.parametrize("look_every_s", [0.0, capacity.LOOK_EVERY_S])
def test_of_one_name_in_a_batch_the_first_order_counts(
    redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, look_every_s: float
) -> None:
    monkeypatch.setattr(capacity, "LOOK_EVERY_S", look_every_s)
    first, equal, other, unnamed = (
        NewOrder(pending(), "a", "1"),
        NewOrder(pending(), "a", "1"),
        NewOrder(pending(), "a", "2"),
        NewOrder(pending()),
    )

    outcomes = create_each(redis_server, [first, equal, other, unnamed, equal])

    made = first.order.order_id
    assert outcomes == [made, made, Conflict.KEY_REUSED, unnamed.order.order_id, made]
    assert client.xlen("{p0}:route") == 2


@on_single_and_cluster
def test_a_batch_that_is_sent_again_creates_only_what_it_had_not(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    firsts, repeated = ([NewOrder(pending(), f"key {number}", "1") for number in range(10)] for _ in range(2))
    create_each(redis_server, firsts[:6])

    outcomes = create_each(redis_server, repeated)

    assert outcomes == ids_of([*firsts[:6], *repeated[6:]])
    assert client.xlen("{p0}:route") == 10


@on_single_and_cluster
def test_a_partition_that_fails_hides_no_order_of_another(redis_server: RedisServer, client: redis.Redis) -> None:
    client.set("{p1}:timers", "no sorted set")
    news = [NewOrder(pending()) for _ in range(40)]

    outcomes = create_each(redis_server, news, partitions=PARTITIONS)

    for new, outcome in zip(news, outcomes, strict=True):
        fails = partition_of(new.order.order_id, PARTITIONS) == "p1"
        assert isinstance(outcome, redis.ResponseError) if fails else outcome == new.order.order_id
    failed = sum(isinstance(outcome, redis.ResponseError) for outcome in outcomes)
    assert 0 < failed < 40
    assert waiting(client, PARTITIONS) == 40 - failed


def test_of_a_batch_as_many_are_accepted_as_there_is_room_for_from_its_beginning(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    news = [NewOrder(pending()) for _ in range(9)]

    outcomes = create_each(redis_server, news, Limits(max_lag=5, max_in_flight=1_000, max_memory=0.8))

    assert outcomes[:5] == ids_of(news[:5])
    assert [(each.limit, each.where) for each in outcomes[5:] if isinstance(each, OverloadedError)] == [
        ("MAX_LAG", "p0:route")
    ] * 4
    assert client.xlen("{p0}:route") == 5


def test_without_capacity_a_batch_finds_what_it_has_made_and_makes_no_more(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    first = NewOrder(pending(), "a", "1")
    create_each(redis_server, [first])
    batch = [NewOrder(pending()), NewOrder(pending(), "a", "1"), NewOrder(pending(), "b", "1")]

    outcomes = create_each(redis_server, batch, Limits(max_lag=2_000, max_in_flight=50_000, max_memory=0.0))

    refused, found, refused_too = outcomes
    assert found == first.order.order_id
    for each in (refused, refused_too):
        assert isinstance(each, OverloadedError)
        assert each.limit == "MAX_MEMORY"
    assert client.xlen("{p0}:route") == 1


def test_orders_that_too_few_replicas_have_are_not_answered_for(redis_server: RedisServer, client: redis.Redis) -> None:
    news = [NewOrder(pending(), f"key {number}", "1") for number in range(3)]

    for _ in range(2):
        outcomes = create_each(redis_server, news, min_replicas=1)
        assert [type(outcome) for outcome in outcomes] == [RetryableError] * 3

    assert client.xlen("{p0}:route") == 3


def test_a_redis_that_is_used_with_another_number_of_partitions_takes_no_order_of_a_batch(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    create_each(redis_server, [NewOrder(pending())], partitions=2)

    outcomes = create_each(redis_server, [NewOrder(pending()) for _ in range(3)], partitions=3)

    assert [type(outcome) for outcome in outcomes] == [ConfigurationError] * 3
    assert waiting(client, 3) == 1


def test_an_unavailable_redis_is_an_error_of_each_order() -> None:
    server = RedisServer("unix:///nowhere/redis.sock", cluster=False)

    outcomes = create_each(server, [NewOrder(pending()) for _ in range(5)])

    assert [type(outcome) for outcome in outcomes] == [redis.ConnectionError] * 5


def test_a_batch_whose_client_has_left_takes_no_other_with_it(redis_server: RedisServer, client: redis.Redis) -> None:
    left, stays = ([NewOrder(pending()) for _ in range(3)] for _ in range(2))

    async def create(intake: Intake) -> tuple[object, object]:
        await intake.create(NewOrder(pending()))  # the batches after it go at once
        leaving, staying = (asyncio.create_task(intake.create_each(news)) for news in (left, stays))
        await asyncio.sleep(0)
        leaving.cancel()
        return await asyncio.gather(leaving, staying, return_exceptions=True)

    gone, outcomes = with_intake(redis_server, create)

    assert isinstance(gone, asyncio.CancelledError)
    assert outcomes == ids_of(stays)
