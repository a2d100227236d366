"""Copies of keys on a real Redis: the newest version stays, each has its age, and guessing ids is slow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import redis

from orderflow.adapters import api_key_copies as adapter
from orderflow.adapters.api_key_copies import (
    FRESH_MS,
    KEEP_MS,
    LOOKUP_BURST,
    LOOKUP_GAP_MS,
    ApiKeyCopies,
    Copy,
    TooManyLookupsError,
    keep_copy,
)
from orderflow.adapters.keys import key
from orderflow.domain.access import ApiKey
from tests.support.api_keys import changed, make_key
from tests.support.builders import NOW_MS
from tests.support.redis_servers import RedisServer, on_single_and_cluster, opened_async
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster

Result = TypeVar("Result")
GAP_MS = 60_000
"""So long that no time seems to pass within a test."""
ADDRESS, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def use(server: RedisServer, work: Callable[[ApiKeyCopies], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(ApiKeyCopies(client))

    return asyncio.run(run())


def look_up(server: RedisServer, key_id: str, address: str = ADDRESS) -> Copy:
    return use(server, lambda copies: copies.look_up(key_id, address))


def copy_of(key_id: str) -> str:
    return key("chain", f"api-key:{key_id}")


def now_ms(server: RedisServer) -> int:
    return look_up(server, "no key's id").looked_up_at_ms


def test_a_key_that_a_program_keeps_is_found_whole_and_fresh_for_a_day(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    _, kept = make_key(networks=("192.0.2.0/24",), label="a label", revoked_at_ms=NOW_MS)

    keep_copy(client, kept)
    found = look_up(redis_server, kept.id)

    assert found.key == kept
    assert found.is_fresh
    assert KEEP_MS - 20_000 < client.pttl(copy_of(kept.id)) <= KEEP_MS


def test_an_older_version_never_takes_the_place_of_a_newer_one(client: redis.Redis, redis_server: RedisServer) -> None:
    _, key_before = make_key()
    revoked = changed(key_before, revoked_at_ms=NOW_MS)
    keep_copy(client, revoked)
    later = now_ms(redis_server) + 1_000

    kept = use(redis_server, lambda copies: copies.keep(key_before, later))

    assert kept == revoked
    assert look_up(redis_server, key_before.id).key == revoked


def test_a_newer_version_takes_the_place_of_an_older_one_whenever_each_was_read(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    _, key_before = make_key()
    revoked = changed(key_before, revoked_at_ms=NOW_MS)
    now = now_ms(redis_server)

    async def keep_both(copies: ApiKeyCopies) -> ApiKey:
        await copies.keep(key_before, now)
        return await copies.keep(revoked, now - 1_000)

    assert use(redis_server, keep_both) == revoked
    assert look_up(redis_server, key_before.id).key == revoked


def test_of_one_version_the_later_reading_counts(client: redis.Redis, redis_server: RedisServer) -> None:
    _, kept = make_key()
    now = now_ms(redis_server)

    async def keep_in_turn(copies: ApiKeyCopies) -> list[int]:
        ages = []
        for ago in (30_000, 10_000, 20_000):
            await copies.keep(kept, now - ago)
            ages.append((await copies.look_up(kept.id, ADDRESS)).age_ms // 10_000)
        return ages

    assert use(redis_server, keep_in_turn) == [3, 1, 1]


@pytest.mark.parametrize(
    ("ago_ms", "fresh"), [(0, True), (FRESH_MS - 20_000, True), (FRESH_MS, False), (-20_000, False)]
)
def test_a_copy_counts_for_a_minute_by_the_clock_of_redis_and_one_of_the_future_does_not(
    client: redis.Redis, redis_server: RedisServer, ago_ms: int, fresh: bool
) -> None:
    _, kept = make_key()
    now = now_ms(redis_server)

    use(redis_server, lambda copies: copies.keep(kept, now - ago_ms))

    found = look_up(redis_server, kept.id)
    assert (found.key, found.is_fresh) == (kept, fresh)


def test_a_copy_is_gone_a_day_after_it_was_read_from_postgres(client: redis.Redis, redis_server: RedisServer) -> None:
    _, kept = make_key()
    now = now_ms(redis_server)

    use(redis_server, lambda copies: copies.keep(kept, now - KEEP_MS + 200))

    eventually(lambda: not client.exists(copy_of(kept.id)))
    assert look_up(redis_server, kept.id).key is None


def test_a_copy_that_only_newer_code_can_read_is_not_taken_for_the_key(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    _, kept = make_key()
    keep_copy(client, kept)
    client.hset(copy_of(kept.id), "key", '{"permissions":["of newer code"]}')

    found = look_up(redis_server, kept.id)

    assert (found.key, found.is_fresh) == (None, False)


def test_unknown_keys_are_counted_by_address_and_known_ones_are_not(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    _, kept = make_key()
    keep_copy(client, kept)

    async def ask(copies: ApiKeyCopies) -> int:
        for number in range(20 * LOOKUP_BURST):
            try:
                await copies.look_up(f"unknown {number}", ADDRESS)
            except TooManyLookupsError as error:
                assert (await copies.look_up(kept.id, ADDRESS)).key == kept
                assert (await copies.look_up("unknown", ELSEWHERE)).key is None
                return error.retry_after_ms
        return 0

    assert 0 < use(redis_server, ask) <= LOOKUP_GAP_MS


def test_an_address_may_ask_for_so_many_unknown_keys_at_once_and_for_another_after_a_while(
    client: redis.Redis, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LOOKUP_GAP_MS", GAP_MS)
    bucket = key("chain", f"key-lookups:{ADDRESS}")
    full = now_ms(redis_server) + LOOKUP_BURST * GAP_MS
    client.set(bucket, full)

    with pytest.raises(TooManyLookupsError) as refused:
        look_up(redis_server, "unknown")
    assert GAP_MS / 2 < refused.value.retry_after_ms <= GAP_MS
    assert int(str(client.get(bucket))) == full, "what is refused must not count"

    client.set(bucket, full - GAP_MS)
    look_up(redis_server, "unknown")
    assert int(str(client.get(bucket))) == full
    assert 0 < client.pttl(bucket) <= LOOKUP_BURST * GAP_MS


def test_a_look_up_without_an_address_is_not_refused_and_counts_against_nobody(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    async def ask(copies: ApiKeyCopies) -> None:
        for number in range(2 * LOOKUP_BURST):
            assert (await copies.look_up(f"unknown {number}", None)).key is None

    use(redis_server, ask)

    assert client.keys(key("chain", "key-lookups:*")) == []


@pytest.mark.parametrize("off_by", [-GAP_MS, 2 * LOOKUP_BURST * GAP_MS])
def test_a_bucket_that_is_empty_or_of_another_clock_begins_anew(
    client: redis.Redis, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, off_by: int
) -> None:
    monkeypatch.setattr(adapter, "LOOKUP_GAP_MS", GAP_MS)
    bucket = key("chain", f"key-lookups:{ADDRESS}")
    now = now_ms(redis_server)
    client.set(bucket, now + off_by)

    look_up(redis_server, "unknown")

    assert GAP_MS <= int(str(client.get(bucket))) - now < 2 * GAP_MS
