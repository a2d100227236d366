"""Tickets for sockets on a real Redis: each is used once, soon, and can't be read out of Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import redis

from orderflow.adapters.tickets import KEEP_S, Tickets
from orderflow.errors import RetryableError
from tests.support.ports import free_port
from tests.support.redis_servers import RedisServer, on_single_and_cluster, opened_async

pytestmark = on_single_and_cluster

Result = TypeVar("Result")
CONTEXT = {"account": "alice", "permissions": "read trade", "key_id": "7AeQnb2Xk1c"}


def use(server: RedisServer, work: Callable[[Tickets], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(Tickets(client))

    return asyncio.run(run())


def test_of_two_that_use_a_ticket_at_once_one_gets_what_was_said_of_its_caller(redis_server: RedisServer) -> None:
    async def take_twice(tickets: Tickets) -> list[dict[str, str] | None]:
        ticket = await tickets.issue(CONTEXT)
        return list(await asyncio.gather(tickets.take(ticket), tickets.take(ticket)))

    taken = use(redis_server, take_twice)

    assert sorted(taken, key=lambda context: context is None) == [CONTEXT, None]


def test_a_ticket_is_over_after_its_time_and_redis_has_only_its_digest(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    ticket = use(redis_server, lambda tickets: tickets.issue(CONTEXT))

    (kept,) = client.scan_iter("{chain}:ticket:*")

    assert ticket not in kept
    assert 0 < client.ttl(kept) <= KEEP_S
    client.delete(kept)  # as at its end
    assert use(redis_server, lambda tickets: tickets.take(ticket)) is None


@pytest.mark.parametrize("text", ["", "x", "x" * 43, "x" * 44, "é" * 43, "x" * 42 + "\n"])
def test_a_text_that_is_no_ticket_is_nobodys(redis_server: RedisServer, text: str) -> None:
    assert use(redis_server, lambda tickets: tickets.take(text)) is None


def test_without_redis_tickets_are_neither_issued_nor_refused(redis_server: RedisServer) -> None:
    nowhere = RedisServer(f"redis://127.0.0.1:{free_port()}/0", cluster=False)

    with pytest.raises(RetryableError):
        use(nowhere, lambda tickets: tickets.issue(CONTEXT))
    with pytest.raises(RetryableError):
        use(nowhere, lambda tickets: tickets.take("x" * 43))
