"""The front door's Redis side: orders created once, idempotency keys, subscriptions, all by shared trips."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
import redis

from local.servers.redis_server import start_redis
from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.orders import Orders
from orderflow.adapters.replication import AsyncReplication
from orderflow.adapters.subscriptions import Added, Outcome, Subscription, Subscriptions
from orderflow.errors import RetryableError
from tests.support.intake import AMPLE, with_intake
from tests.support.order_steps import pending
from tests.support.redis_servers import PARTITIONS, RedisServer, entries_of, on_single_and_cluster, opened, opened_async
from tests.support.waiting import eventually

Result = TypeVar("Result")


def with_subscriptions(server: RedisServer, work: Callable[[Subscriptions], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(Subscriptions(client, PARTITIONS))

    return asyncio.run(run())


def record_of(name: str) -> str:
    """Return the key of a name's record in p0."""
    return f"{{p0}}:i:{urlsafe_b64encode(sha256(name.encode()).digest()[:16]).decode().rstrip('=')}"


@on_single_and_cluster
def test_two_hundred_orders_at_once_are_all_created_and_on_their_way(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    news = [NewOrder(pending()) for _ in range(200)]

    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(new) for new in news))

    created = with_intake(redis_server, create)

    assert created == [new.order.order_id for new in news]
    assert client.xlen("{p0}:route") == client.xlen("{p0}:status") == 200
    assert all(orders.find(new.order.order_id) for new in news)


@on_single_and_cluster
def test_fifty_posts_with_one_key_make_one_order(redis_server: RedisServer, client: redis.Redis) -> None:
    news = [NewOrder(pending(), "a-key", "a-fingerprint") for _ in range(50)]

    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(new) for new in news))

    created = with_intake(redis_server, create)

    assert len(set(created)) == 1
    assert client.xlen("{p0}:route") == 1
    assert client.ttl(record_of("a-key")) > 86_000


def test_orders_with_and_without_a_name_share_a_trip(redis_server: RedisServer, client: redis.Redis) -> None:
    names = ["", "a-key", "", "another-key", "a-key", ""]
    news = [NewOrder(pending(), name, name and f"{name}'s-fingerprint") for name in names]

    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(new) for new in news))

    created = with_intake(redis_server, create)

    ids = [new.order.order_id for new in news]
    assert created == [*ids[:4], ids[1], ids[5]]
    assert client.xlen("{p0}:route") == 5
    assert client.exists(record_of("a-key"), record_of("another-key")) == 2


def test_a_key_stands_for_its_order_for_its_24_hours_even_if_redis_is_killed() -> None:
    first, again = (NewOrder(pending(), "a-key", "a-fingerprint") for _ in range(2))
    with TemporaryDirectory(prefix="orderflow-") as home:  # a short path, for Redis' socket
        before = start_redis(Path(home), None)
        with_intake(RedisServer(before.url, cluster=False), lambda intake: intake.create(first))
        assert before.process is not None
        with opened(RedisServer(before.url, cluster=False)) as client:
            # While a slow disk flushes, Redis answers before it has written: docs/operations.md.
            eventually(lambda: client.info("persistence")["aof_buffer_length"] == 0)
        before.process.kill()
        before.process.wait(10)

        after = start_redis(Path(home), None)
        server = RedisServer(after.url, cluster=False)
        answer = with_intake(server, lambda intake: intake.create(again))
        with opened(server) as client:
            left_s, waiting = client.ttl(record_of("a-key")), client.xlen("{p0}:route")
        after.stop()

    assert answer == first.order.order_id
    assert waiting == 1
    assert 24 * 3600 - 120 < left_s <= 24 * 3600


@on_single_and_cluster
def test_a_key_that_comes_with_another_request_is_a_conflict(redis_server: RedisServer, client: redis.Redis) -> None:
    async def create(intake: Intake) -> object:
        await intake.create(NewOrder(pending(), "a-key", "one"))
        return await intake.create(NewOrder(pending(), "a-key", "another"))

    outcome = with_intake(redis_server, create)

    assert outcome is Conflict.KEY_REUSED
    assert client.xlen("{p0}:route") == 1


@on_single_and_cluster
def test_an_order_that_is_over_is_found_if_it_was_made_and_is_not_made_now(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    first = pending()

    async def create(intake: Intake) -> list[object]:
        before = await intake.create(NewOrder(pending(), "a-key", "one", is_over=True))
        await intake.create(NewOrder(first, "a-key", "one"))
        news = [NewOrder(pending(), key, "one", is_over=True) for key in ("a-key", "another-key")]
        return [before, *await intake.create_each(news)]

    assert with_intake(redis_server, create) == [Conflict.IS_OVER, first.order_id, Conflict.IS_OVER]
    assert client.xlen("{p0}:route") == 1


@on_single_and_cluster
def test_a_record_of_the_version_before_still_stands_for_its_order(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    first, again, other = pending(), pending(), pending()
    client.set("{p0}:idempotency:a-key", f"one {first.order_id}", ex=3_000)

    async def create(intake: Intake) -> list[object]:
        answers = [await intake.create(NewOrder(again, "a-key", "one")) for _ in range(2)]
        return [*answers, await intake.create(NewOrder(other, "a-key", "another"))]

    outcomes = with_intake(redis_server, create)

    assert outcomes == [first.order_id, first.order_id, Conflict.KEY_REUSED]
    assert client.xlen("{p0}:route") == 0


@on_single_and_cluster
def test_the_version_before_finds_the_order_of_a_name_while_this_one_is_deployed(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    order = pending()

    with_intake(redis_server, lambda intake: intake.create(NewOrder(order, "a-key", "one")))

    assert client.get("{p0}:idempotency:a-key") == f"one {order.order_id}"
    assert client.ttl("{p0}:idempotency:a-key") <= 600


def test_a_record_takes_less_than_half_the_memory_that_it_took(redis_server: RedisServer, client: redis.Redis) -> None:
    client.set(f"{{p0}}:idempotency:{'1' * 64}", f"{'0' * 64} {pending().order_id}", ex=86_400)

    with_intake(redis_server, lambda intake: intake.create(NewOrder(pending(), "0" * 64, "0" * 64)))

    before = client.memory_usage(f"{{p0}}:idempotency:{'1' * 64}", samples=0) or 0
    assert 0 < (client.memory_usage(record_of("0" * 64)) or 0) <= before / 2


def test_a_name_stands_for_its_order_for_as_long_as_is_set(redis_server: RedisServer, client: redis.Redis) -> None:
    async def create() -> None:
        async with opened_async(redis_server) as opened_client:
            intake = Intake(opened_client, PARTITIONS, AMPLE, AsyncReplication(opened_client, 0), 90)
            await intake.create(NewOrder(pending(), "a-key", "one"))

    asyncio.run(create())

    assert 80 < client.ttl(record_of("a-key")) <= 90
    assert 80 < client.ttl("{p0}:idempotency:a-key") <= 90


@on_single_and_cluster
def test_a_subscription_takes_its_place_in_the_status_stream(redis_server: RedisServer, client: redis.Redis) -> None:
    order = pending()
    with_intake(redis_server, lambda intake: intake.create(NewOrder(order)))

    async def subscribe(subscriptions: Subscriptions) -> tuple[Added, Added]:
        known = await subscriptions.add(Subscription(order.order_id, "connection=", "subscribe"))
        unknown = await subscriptions.add(Subscription("no such order", "connection=", "subscribe"))
        return known, unknown

    outcome = with_subscriptions(redis_server, subscribe)

    assert outcome == (Added(Outcome.ASKED), Added(Outcome.NOT_HERE))
    entries = [fields for _, fields in entries_of(client, "{p0}:status")]
    assert entries[1] == {"order_id": order.order_id, "connection_id": "connection=", "action": "subscribe"}


@on_single_and_cluster
def test_an_order_about_to_expire_is_left_to_the_ledger(redis_server: RedisServer, client: redis.Redis) -> None:
    order = pending()
    with_intake(redis_server, lambda intake: intake.create(NewOrder(order)))
    client.pexpire(f"{{p0}}:order:{order.order_id}", 5_000)
    late = Subscription(order.order_id, "connection=", "subscribe")

    assert with_subscriptions(redis_server, lambda subscriptions: subscriptions.add(late)) == Added(Outcome.NOT_HERE)


def test_an_order_that_too_few_replicas_have_is_not_answered_for(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    new = NewOrder(pending(), "a-key", "a-fingerprint")

    for _ in range(2):
        with pytest.raises(RetryableError, match="0 of 1 replicas"):
            with_intake(redis_server, lambda intake: intake.create(new), min_replicas=1)

    assert client.xlen("{p0}:route") == 1


def test_an_unavailable_redis_is_raised_to_every_caller() -> None:
    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(NewOrder(pending())) for _ in range(5)), return_exceptions=True)

    outcomes = with_intake(RedisServer("unix:///nowhere/redis.sock", cluster=False), create)

    assert len(outcomes) == 5
    assert all(isinstance(outcome, redis.ConnectionError) for outcome in outcomes)
