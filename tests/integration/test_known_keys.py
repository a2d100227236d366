"""Keys through a real Redis and a real Postgres: what a revocation survives, and what goes on without either."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, cast

import pytest
import redis

from orderflow.adapters.api_key_copies import FRESH_MS, ApiKeyCopies, keep_copy
from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.keys import key as redis_key
from orderflow.adapters.postgres import connect
from orderflow.domain.access import ApiKey
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.known_keys import KnownKeys
from tests.support.api_keys import changed, make_key
from tests.support.builders import NOW_MS
from tests.support.ports import free_port
from tests.support.redis_servers import RedisServer, opened_async

ADDRESS = "192.0.2.1"
Read = Callable[[str], Awaitable[ApiKey | None]]


@pytest.fixture
def record(database_url: str) -> Iterator[ApiKeys]:
    """Lend the record of keys, without any."""
    connection = connect(database_url)
    connection.run("TRUNCATE api_keys")
    connection.close()
    opened = ApiKeys(lambda: connect(database_url))
    yield opened
    opened.close()


@pytest.fixture
def key(client: redis.Redis, record: ApiKeys) -> ApiKey:
    """Return a key that was added, as the command does it."""
    added = record.add(make_key()[1])
    keep_copy(client, added)
    return added


def reading(record: ApiKeys) -> Read:
    return lambda key_id: asyncio.to_thread(record.find, key_id)


def find(server: RedisServer, read: Read, *key_ids: str) -> list[ApiKey | None]:
    """Look keys up in a process that remembers none."""

    async def run() -> list[ApiKey | None]:
        async with opened_async(server) as opened:
            known = KnownKeys(ApiKeyCopies(opened), read)
            return [await known.find(key_id, ADDRESS) for key_id in key_ids]

    return asyncio.run(run())


def copy_of(key: ApiKey) -> str:
    return redis_key("chain", f"api-key:{key.id}")


def grow_old(client: redis.Redis, key: ApiKey, ms: int = FRESH_MS) -> None:
    client.hincrby(copy_of(key), "read_at", -ms)


def test_a_key_goes_from_postgres_to_redis_and_is_found_there(
    client: redis.Redis, redis_server: RedisServer, record: ApiKeys
) -> None:
    added = record.add(make_key()[1])
    asked: list[str] = []

    async def read(key_id: str) -> ApiKey | None:
        asked.append(key_id)
        return await reading(record)(key_id)

    assert [find(redis_server, read, added.id) for _ in range(2)] == [[added]] * 2

    assert asked == [added.id]
    assert client.exists(copy_of(added))


def test_a_revocation_that_a_failover_of_redis_takes_back_counts_again_within_a_minute(
    client: redis.Redis, redis_server: RedisServer, record: ApiKeys, key: ApiKey
) -> None:
    before = cast("Mapping[Any, Any]", client.hgetall(copy_of(key)))
    revoked = record.revoke(key.id, NOW_MS)
    keep_copy(client, revoked)
    assert find(redis_server, reading(record), key.id) == [revoked]

    client.delete(copy_of(key))
    client.hset(copy_of(key), mapping=before)  # the new primary has what it had before
    taken_back = find(redis_server, reading(record), key.id)
    grow_old(client, key)
    counts_again = find(redis_server, reading(record), key.id)

    assert (taken_back, counts_again) == ([key], [revoked])
    assert client.hget(copy_of(key), "version") == "2"
    assert find(redis_server, reading(record), key.id) == [revoked]


def test_a_revoked_key_stays_revoked_when_redis_loses_its_copy(
    client: redis.Redis, redis_server: RedisServer, record: ApiKeys, key: ApiKey
) -> None:
    revoked = record.revoke(key.id, NOW_MS)
    client.flushall()

    assert find(redis_server, reading(record), key.id) == [revoked]


def test_what_was_read_before_a_revocation_does_not_undo_it(
    client: redis.Redis, redis_server: RedisServer, record: ApiKeys, key: ApiKey
) -> None:
    grow_old(client, key)

    async def read(key_id: str) -> ApiKey | None:
        found = record.find(key_id)
        keep_copy(client, record.revoke(key_id, NOW_MS))
        return found

    revoked = changed(key, revoked_at_ms=NOW_MS)
    assert find(redis_server, read, key.id) == [revoked]
    assert find(redis_server, reading(record), key.id) == [revoked]


def test_what_was_read_long_before_it_is_kept_counts_from_when_it_was_read(
    client: redis.Redis, redis_server: RedisServer, record: ApiKeys, key: ApiKey
) -> None:
    client.delete(copy_of(key))

    async def run() -> ApiKey:
        async with opened_async(redis_server) as opened:
            copies = ApiKeyCopies(opened)
            looked_up_at = (await copies.look_up(key.id, ADDRESS)).looked_up_at_ms
            # The process stood still before it went on, and missed a revocation whose copy was lost.
            return await copies.keep(key, looked_up_at - FRESH_MS)

    assert asyncio.run(run()) == key
    revoked = record.revoke(key.id, NOW_MS)
    assert find(redis_server, reading(record), key.id) == [revoked]


def test_without_postgres_known_keys_go_on_and_unknown_ones_are_refused(
    client: redis.Redis, redis_server: RedisServer, key: ApiKey
) -> None:
    unavailable = ApiKeys(lambda: connect(f"postgresql://127.0.0.1:{free_port()}/orderflow"))
    grow_old(client, key, 20 * FRESH_MS)

    assert find(redis_server, reading(unavailable), key.id) == [key]
    with pytest.raises(RetryableError, match="Postgres"):
        find(redis_server, reading(unavailable), make_key()[1].id)


def test_without_redis_postgres_answers(record: ApiKeys, key: ApiKey) -> None:
    nowhere = RedisServer(f"redis://127.0.0.1:{free_port()}", cluster=False)

    assert find(nowhere, reading(record), key.id, make_key()[1].id) == [key, None]


def test_the_clients_of_a_process_find_keys_by_its_settings(
    monkeypatch: pytest.MonkeyPatch,
    client: redis.Redis,
    redis_server: RedisServer,
    database_url: str,
    key: ApiKey,
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    client.delete(copy_of(key))  # so that both are asked

    async def run() -> ApiKey | None:
        try:
            return await async_clients.known_keys().find(key.id, ADDRESS)
        finally:
            await async_clients.redis_client().connection_pool.disconnect()

    assert asyncio.run(run()) == key
    clients.api_keys().close()
    clients.api_keys.cache_clear()
