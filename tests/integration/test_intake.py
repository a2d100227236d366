"""The front door's Redis side: orders created once, idempotency keys, subscriptions, all by shared trips."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import redis
from redis.asyncio import BlockingConnectionPool, Redis

from orderflow.adapters.intake import Conflict, Intake, NewOrder, Subscription, Together
from orderflow.adapters.orders import Orders
from tests.integration.conftest import PARTITIONS, entries_of
from tests.integration.market import pending

Result = TypeVar("Result")


@asynccontextmanager
async def open_intake(url: str) -> AsyncIterator[Intake]:
    pool = BlockingConnectionPool.from_url(url, decode_responses=True, protocol=2, max_connections=4)
    client = Redis(connection_pool=pool)
    try:
        yield Intake(client, PARTITIONS)
    finally:
        await client.aclose()
        await pool.disconnect()


def with_intake(url: str, work: Callable[[Intake], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with open_intake(url) as intake:
            return await work(intake)

    return asyncio.run(run())


def test_two_hundred_orders_at_once_are_all_created_and_on_their_way(
    redis_url: str, client: redis.Redis, orders: Orders
) -> None:
    news = [NewOrder(pending()) for _ in range(200)]

    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(new) for new in news))

    created = with_intake(redis_url, create)

    assert created == [new.order.order_id for new in news]
    assert client.xlen("{p0}:route") == client.xlen("{p0}:status") == 200
    assert all(orders.find(new.order.order_id) for new in news)


def test_fifty_posts_with_one_key_make_one_order(redis_url: str, client: redis.Redis) -> None:
    news = [NewOrder(pending(), "a-key", "a-fingerprint") for _ in range(50)]

    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(new) for new in news))

    created = with_intake(redis_url, create)

    assert len(set(created)) == 1
    assert client.xlen("{p0}:route") == 1
    assert client.ttl("{p0}:idempotency:a-key") > 86_000


def test_a_key_that_comes_with_another_request_is_a_conflict(redis_url: str, client: redis.Redis) -> None:
    async def create(intake: Intake) -> object:
        await intake.create(NewOrder(pending(), "a-key", "one"))
        return await intake.create(NewOrder(pending(), "a-key", "another"))

    outcome = with_intake(redis_url, create)

    assert outcome is Conflict.KEY_REUSED
    assert client.xlen("{p0}:route") == 1


def test_a_subscription_takes_its_place_in_the_status_stream(redis_url: str, client: redis.Redis) -> None:
    order = pending()

    async def subscribe(intake: Intake) -> tuple[bool, bool]:
        await intake.create(NewOrder(order))
        known = await intake.subscribe(Subscription(order.order_id, "connection=", "subscribe"))
        unknown = await intake.subscribe(Subscription("no such order", "connection=", "subscribe"))
        return known, unknown

    outcome = with_intake(redis_url, subscribe)

    assert outcome == (True, False)
    entries = [fields for _, fields in entries_of(client, "{p0}:status")]
    assert entries[1] == {"order_id": order.order_id, "connection_id": "connection=", "action": "subscribe"}


def test_an_order_about_to_expire_is_left_to_the_ledger(redis_url: str, client: redis.Redis) -> None:
    order = pending()

    async def subscribe(intake: Intake) -> bool:
        await intake.create(NewOrder(order))
        client.pexpire(f"{{p0}}:order:{order.order_id}", 5_000)
        return await intake.subscribe(Subscription(order.order_id, "connection=", "subscribe"))

    assert with_intake(redis_url, subscribe) is False


def test_redis_away_is_raised_to_every_caller() -> None:
    async def create(intake: Intake) -> list[object]:
        return await asyncio.gather(*(intake.create(NewOrder(pending())) for _ in range(5)), return_exceptions=True)

    outcomes = with_intake("unix:///nowhere/redis.sock", create)

    assert len(outcomes) == 5
    assert all(isinstance(outcome, redis.ConnectionError) for outcome in outcomes)


def test_calls_during_a_trip_travel_together_on_the_next() -> None:
    trips: list[list[int]] = []

    async def run() -> list[int]:
        async def send(items: list[int]) -> list[int]:
            trips.append(list(items))
            await asyncio.sleep(0)
            return [item * 10 for item in items]

        together: Together[int, int] = Together(send)  # type: ignore[arg-type]
        return await asyncio.gather(*(together.add(number) for number in range(500)))

    replies = asyncio.run(run())

    assert replies == [number * 10 for number in range(500)]
    assert max(len(trip) for trip in trips) == 200
    assert sum(len(trip) for trip in trips) == 500


def test_a_caller_that_gives_up_does_not_take_the_others_along() -> None:
    async def run() -> int:
        async def send(items: list[int]) -> list[int]:
            await asyncio.sleep(0.01)
            return items

        together: Together[int, int] = Together(send)  # type: ignore[arg-type]
        impatient = asyncio.create_task(together.add(1))
        patient = asyncio.create_task(together.add(2))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        return await patient

    assert asyncio.run(run()) == 2
