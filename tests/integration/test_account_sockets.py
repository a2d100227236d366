"""How many sockets an account has open, on a real Redis: so many at a time, and none stays counted that is gone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import redis

from orderflow.adapters.account_sockets import (
    MOST_LOOKED_AT,
    AccountSocket,
    AccountSockets,
    Looked,
    sockets_of_key,
)
from tests.support.redis_servers import RedisServer, on_single_and_cluster, opened_async

pytestmark = on_single_and_cluster

Result = TypeVar("Result")
AN_HOUR_MS = 3_600_000


def use(server: RedisServer, work: Callable[[AccountSockets], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(AccountSockets(client))

    return asyncio.run(run())


def sockets(count: int, key_id: str = "key-1", account: str = "") -> list[AccountSocket]:
    """Return sockets of an account, by default of one that nobody has used yet."""
    account = account or f"a{uuid4().hex[:20]}"
    return [AccountSocket(account, key_id, f"{key_id}-{number}=") for number in range(count)]


def a_millisecond_passes() -> None:
    began = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == began:
        pass


async def add_all(counted: AccountSockets, several: list[AccountSocket], most: int) -> list[bool]:
    return [await counted.add(each, most) is None for each in several]


def test_of_sockets_that_open_at_once_as_many_are_counted_as_may_be_open(redis_server: RedisServer) -> None:
    async def at_once(counted: AccountSockets) -> list[bool]:
        added = await asyncio.gather(*(counted.add(each, 3) for each in sockets(8)))
        return [others is None for others in added]

    assert sorted(use(redis_server, at_once)) == [False] * 5 + [True] * 3


def test_one_that_closes_makes_room_for_one(redis_server: RedisServer) -> None:
    first, second, third, fourth = sockets(4)

    async def close_one(counted: AccountSockets) -> list[bool]:
        await add_all(counted, [first, second], 2)
        await counted.remove(first)
        return await add_all(counted, [third, fourth], 2)

    assert use(redis_server, close_one) == [True, False]


def test_an_account_has_room_whatever_another_has_open(redis_server: RedisServer) -> None:
    async def two_accounts(counted: AccountSockets) -> list[bool]:
        await add_all(counted, sockets(2), 2)
        return await add_all(counted, sockets(1), 2)

    assert use(redis_server, two_accounts) == [True]


def test_those_that_are_gone_make_room_and_those_that_are_open_are_looked_at_last(redis_server: RedisServer) -> None:
    first, second, third, fourth, fifth = sockets(5)

    async def look(counted: AccountSockets) -> list[list[AccountSocket] | None]:
        for each in (first, second, third):
            await counted.add(each, 3)
            a_millisecond_passes()  # so that each has a time of its own
        refused = await counted.add(fourth, 3)
        let_in = await counted.add(fourth, 3, 0, Looked([second], [first]))
        a_millisecond_passes()
        return [refused, let_in, await counted.add(fifth, 3, 0, Looked([], [second, fourth]))]

    refused, let_in, after = use(redis_server, look)

    assert refused == [first, second, third]
    assert let_in is None
    assert after == [third, first, fourth]  # the second was not brought back


def test_one_that_has_just_opened_is_not_looked_at_and_no_more_than_so_many_are(redis_server: RedisServer) -> None:
    *opened, one_more = sockets(MOST_LOOKED_AT + 6)

    async def refused(counted: AccountSockets) -> list[list[AccountSocket] | None]:
        await add_all(counted, opened, len(opened))
        return [
            await counted.add(one_more, len(opened), AN_HOUR_MS),
            await counted.add(one_more, len(opened)),
        ]

    none, some = use(redis_server, refused)

    assert none == []
    assert some is not None
    assert len(some) == MOST_LOOKED_AT


def test_the_sockets_of_a_key_are_known_by_it(client: redis.Redis, redis_server: RedisServer) -> None:
    theirs = sockets(2, "key-1")
    account = theirs[0].account
    others = sockets(2, "key-12", account)

    use(redis_server, lambda counted: add_all(counted, theirs + others, 10))

    assert sockets_of_key(client, account, "key-1") == theirs
    assert sockets_of_key(client, f"{account}-2", "key-1") == []
