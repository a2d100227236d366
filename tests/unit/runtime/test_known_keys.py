"""Which keys a process knows, and whom it asks about the others: over fakes, by a clock of the tests."""

import asyncio
from types import SimpleNamespace

import pytest
import redis

from orderflow.adapters.api_key_copies import FRESH_MS, TooManyLookupsError
from orderflow.domain.access import ApiKey
from orderflow.errors import OverloadedError, RetryableError
from orderflow.runtime import known_keys as module
from orderflow.runtime import lately
from orderflow.runtime.known_keys import PAUSE_S, REMEMBER_S, KnownKeys
from tests.support.api_keys import changed, make_key
from tests.support.builders import NOW_MS
from tests.support.fakes.access import FakeApiKeyCopies, FakeApiKeys, known_keys

ADDRESS, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class World:
    """A process with a Redis and a Postgres, and the time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.api_keys = FakeApiKeys()
        self.copies = FakeApiKeyCopies()
        self.known = known_keys(self.api_keys, self.copies)
        _, self.key = make_key()
        self.api_keys.held[self.key.id] = self.key

    def find(self, key_id: str = "", address: str = ADDRESS) -> ApiKey | None:
        return asyncio.run(self.known.find(key_id or self.key.id, address))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for timed in (module, lately):
        monkeypatch.setattr(timed, "time", SimpleNamespace(monotonic=lambda: world.now))
    return world


def test_a_key_is_asked_for_once_in_a_while_and_a_change_is_seen_then(world: World) -> None:
    world.find()
    world.copies.held[world.key.id] = revoked = changed(world.key, revoked_at_ms=NOW_MS)

    world.now += REMEMBER_S - 0.01
    before = world.find()
    world.now += 0.01
    after = world.find()

    assert (before, after) == (world.key, revoked)
    assert len(world.copies.asked) == 2


def test_an_unknown_id_is_asked_for_once_in_a_while(world: World) -> None:
    _, new = make_key()
    assert world.find(new.id) is None
    world.api_keys.held[new.id] = new

    world.now += REMEMBER_S - 0.01
    before = world.find(new.id)
    world.now += 0.01
    after = world.find(new.id)

    assert (before, after) == (None, new)
    assert world.api_keys.asked == [new.id] * 2


@pytest.mark.parametrize(("age_ms", "asked"), [(0, 0), (FRESH_MS - 1, 0), (FRESH_MS, 1), (-1, 1)])
def test_postgres_is_asked_when_the_copy_is_not_fresh(world: World, age_ms: int, asked: int) -> None:
    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = age_ms

    assert world.find() == world.key

    assert len(world.api_keys.asked) == asked


def test_a_copy_that_is_not_fresh_becomes_what_postgres_has(world: World) -> None:
    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = FRESH_MS
    world.api_keys.held[world.key.id] = revoked = changed(world.key, revoked_at_ms=NOW_MS)

    assert world.find() == revoked

    assert world.copies.held[world.key.id] == revoked


def test_a_newer_version_that_came_to_redis_meanwhile_counts(world: World) -> None:
    revoked = changed(world.key, revoked_at_ms=NOW_MS)

    async def read(key_id: str) -> ApiKey | None:
        world.copies.held[key_id] = revoked
        return world.key

    assert asyncio.run(KnownKeys(world.copies, read).find(world.key.id, ADDRESS)) == revoked


def test_a_copy_of_a_key_that_postgres_does_not_have_is_dropped(world: World) -> None:
    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = FRESH_MS
    world.api_keys.held.clear()

    assert world.find() is None

    assert world.copies.held == {}


@pytest.mark.parametrize("error", [RetryableError("unavailable"), OverloadedError("MAX_KEY_LOOKUPS", "200 at once")])
def test_without_postgres_known_keys_go_on_and_unknown_ones_may_be_good(world: World, error: Exception) -> None:
    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = 20 * FRESH_MS
    world.api_keys.error = error

    assert world.find() == world.key
    with pytest.raises(RetryableError):
        world.find("unknown")


def test_without_postgres_it_is_asked_once_in_a_second(world: World) -> None:
    world.copies.held = {key.id: key for _, key in (make_key() for _ in range(3))}
    world.copies.age_ms = FRESH_MS
    world.api_keys.error = RetryableError("unavailable")
    first, second, third = world.copies.held

    for key_id in (first, second):
        assert world.find(key_id) == world.copies.held[key_id]
    assert world.api_keys.asked == [first]

    world.now += PAUSE_S
    world.api_keys.error = None
    world.api_keys.held[third] = revoked = changed(world.copies.held[third], revoked_at_ms=NOW_MS)
    assert world.find(third) == revoked


def test_a_postgres_that_takes_too_long_is_as_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.01)
    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = FRESH_MS

    async def read(_key_id: str) -> ApiKey | None:
        await asyncio.Event().wait()
        raise AssertionError

    known = KnownKeys(world.copies, read)
    assert asyncio.run(known.find(world.key.id, ADDRESS)) == world.key
    with pytest.raises(RetryableError):
        asyncio.run(known.find("unknown", ADDRESS))


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), redis.exceptions.OutOfMemoryError("full"), OSError()])
def test_without_redis_postgres_answers(world: World, error: Exception) -> None:
    world.copies.error = error

    assert world.find() == world.key
    assert world.find("unknown") is None
    assert world.api_keys.asked == [world.key.id, "unknown"]


def test_a_redis_that_takes_no_writes_does_not_hide_a_revocation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def keep(_key: ApiKey, _read_at_ms: int) -> ApiKey:
        raise redis.exceptions.ReadOnlyError("a replica")

    world.copies.held[world.key.id] = world.key
    world.copies.age_ms = FRESH_MS
    world.api_keys.held[world.key.id] = revoked = changed(world.key, revoked_at_ms=NOW_MS)
    monkeypatch.setattr(world.copies, "keep", keep)

    assert world.find() == revoked


def at_once(world: World, *asked: tuple[str, str]) -> list[ApiKey | BaseException | None]:
    async def find_all() -> list[ApiKey | BaseException | None]:
        return await asyncio.gather(*(world.known.find(*each) for each in asked), return_exceptions=True)

    return asyncio.run(find_all())


def test_requests_with_one_key_share_a_look_up(world: World) -> None:
    assert at_once(world, *[(world.key.id, ADDRESS)] * 50) == [world.key] * 50

    assert len(world.copies.asked) == len(world.api_keys.asked) == 1


def test_a_key_is_not_refused_for_what_another_address_asks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = world.copies.look_up

    async def refusing(key_id: str, address: str) -> object:
        if address == ADDRESS:
            raise TooManyLookupsError(40)
        return await look_up(key_id, address)

    monkeypatch.setattr(world.copies, "look_up", refusing)

    refused, found = at_once(world, (world.key.id, ADDRESS), (world.key.id, ELSEWHERE))

    assert isinstance(refused, TooManyLookupsError)
    assert found == world.key


def test_a_caller_who_leaves_does_not_take_the_answer_of_the_others_along(world: World) -> None:
    async def leave() -> ApiKey | None:
        first, second = (asyncio.create_task(world.known.find(world.key.id, ADDRESS)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(leave()) == world.key
    assert len(world.copies.asked) == 1


def test_so_many_keys_are_remembered_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    made = [make_key()[1] for _ in range(3)]
    for key in made:
        world.api_keys.held[key.id] = key
        world.find(key.id)
    world.copies.asked.clear()

    for key in made:
        assert world.find(key.id) == key

    assert len(world.copies.asked) >= 1
    assert len(world.known._remembered) == 2
