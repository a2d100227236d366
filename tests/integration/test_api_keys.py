"""The record of keys on a real Postgres: each change is a version, and each may be sent twice."""

from collections.abc import Iterator

import msgspec
import pg8000.native
import pytest

from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.postgres import connect
from orderflow.domain.access import Limits, Rate
from orderflow.domain.key_text import KeyText, make_key_text
from orderflow.errors import RejectedError, RetryableError
from tests.support.api_keys import changed, make_key
from tests.support.builders import NOW_MS
from tests.support.ports import free_port

HOUR_MS = 3_600_000


@pytest.fixture
def connection(database_url: str) -> Iterator[pg8000.native.Connection]:
    """Lend a connection to a Postgres without keys."""
    opened = connect(database_url)
    opened.run("TRUNCATE api_keys")
    yield opened
    opened.close()


@pytest.fixture
def keys(database_url: str, connection: pg8000.native.Connection) -> Iterator[ApiKeys]:
    opened = ApiKeys(lambda: connect(database_url))
    yield opened
    opened.close()


def successor() -> KeyText:
    return make_key_text("test")[1]


def test_a_key_is_found_as_it_was_added(keys: ApiKeys) -> None:
    _, plain = make_key()
    _, whole = make_key(
        account="bob",
        permissions=("read",),
        networks=("192.0.2.0/24", "2001:db8::/32"),
        expires_at_ms=NOW_MS + 1,
        limits=Limits(orders=Rate(0.5, 7), sockets=3),
        label='it\'s "quoted", {braced} and ümlauted',
    )

    added = [keys.add(plain), keys.add(whole)]

    assert added == [plain, whole]
    assert [keys.find(plain.id), keys.find(whole.id)] == [plain, whole]
    assert keys.find("unknown") is None


def test_keys_are_listed_newest_first_of_all_or_of_an_account(keys: ApiKeys) -> None:
    made = [make_key(account=account, created_at_ms=NOW_MS + n)[1] for n, account in enumerate(["alice", "bob"] * 2)]
    for key in made:
        keys.add(key)

    assert keys.all() == made[::-1]
    assert keys.all("bob") == [made[3], made[1]]
    assert keys.all("carol") == []


def test_a_key_that_is_added_twice_is_there_once_and_another_of_its_id_is_refused(keys: ApiKeys) -> None:
    _, key = make_key()
    keys.add(key)

    again = keys.add(key)

    assert again == key
    with pytest.raises(RejectedError, match=key.id):
        keys.add(msgspec.structs.replace(key, digest="f" * 64))
    assert keys.all() == [key]


def test_a_key_is_revoked_once(keys: ApiKeys) -> None:
    _, key = make_key()
    keys.add(key)

    revoked = [keys.revoke(key.id, NOW_MS + 5), keys.revoke(key.id, NOW_MS + 9)]

    assert revoked == [changed(key, revoked_at_ms=NOW_MS + 5)] * 2
    assert keys.find(key.id) == revoked[0]
    with pytest.raises(RejectedError, match="there is no key nothing"):
        keys.revoke("nothing", NOW_MS)


def test_a_successor_may_do_the_same_and_the_key_ends_after_the_grace(keys: ApiKeys) -> None:
    _, key = make_key(networks=("192.0.2.0/24",), limits=Limits(sockets=1), label="robot")
    keys.add(key)
    said = successor()

    rotated = [keys.rotate(key.id, said, NOW_MS + 5, grace_ms=HOUR_MS) for _ in range(2)]

    former = changed(key, expires_at_ms=NOW_MS + 5 + HOUR_MS, successor=said.id)
    new = msgspec.structs.replace(key, id=said.id, digest=said.digest, created_at_ms=NOW_MS + 5)
    assert rotated == [(former, new)] * 2, "it may be sent twice"
    assert keys.all() == [new, former]


@pytest.mark.parametrize(("left_ms", "ends_in_ms"), [(1_000, 1_000), (2 * HOUR_MS, HOUR_MS)])
def test_a_key_that_ends_by_itself_ends_no_later_and_its_successor_has_as_much_time(
    keys: ApiKeys, left_ms: int, ends_in_ms: int
) -> None:
    now_ms = NOW_MS + 24 * HOUR_MS
    _, key = make_key(created_at_ms=NOW_MS, expires_at_ms=now_ms + left_ms)
    keys.add(key)

    former, new = keys.rotate(key.id, successor(), now_ms, grace_ms=HOUR_MS)

    assert former.expires_at_ms == now_ms + ends_in_ms
    assert new.expires_at_ms == now_ms + 24 * HOUR_MS + left_ms


def test_a_key_has_one_successor_whose_time_is_not_what_is_left_of_a_grace(keys: ApiKeys) -> None:
    _, key = make_key()
    keys.add(key)
    _, new = keys.rotate(key.id, successor(), NOW_MS + 5, grace_ms=HOUR_MS)

    with pytest.raises(RejectedError, match=f"has the successor {new.id}"):
        keys.rotate(key.id, successor(), NOW_MS + 6, grace_ms=2 * HOUR_MS)

    _, next_one = keys.rotate(new.id, successor(), NOW_MS + 7, grace_ms=0)
    assert next_one.expires_at_ms is None
    assert len(keys.all()) == 3


@pytest.mark.parametrize("ended", [{"revoked_at_ms": NOW_MS}, {"expires_at_ms": NOW_MS + 5}])
def test_a_key_that_has_ended_gets_no_successor(keys: ApiKeys, ended: dict[str, int]) -> None:
    _, key = make_key(expires_at_ms=ended.get("expires_at_ms"))
    keys.add(key)
    if "revoked_at_ms" in ended:
        keys.revoke(key.id, ended["revoked_at_ms"])

    with pytest.raises(RejectedError, match="has ended"):
        keys.rotate(key.id, successor(), NOW_MS + 5, grace_ms=0)

    assert len(keys.all()) == 1
    with pytest.raises(RejectedError, match="there is no key nothing"):
        keys.rotate("nothing", successor(), NOW_MS, grace_ms=0)


def test_a_permission_of_newer_code_is_not_granted(keys: ApiKeys, connection: pg8000.native.Connection) -> None:
    _, key = make_key()
    keys.add(key)
    connection.run("UPDATE api_keys SET permissions = permissions || ARRAY['fly']")

    assert keys.find(key.id) == key


def test_without_postgres_it_may_be_tried_again() -> None:
    keys = ApiKeys(lambda: connect(f"postgresql://127.0.0.1:{free_port()}/orderflow"))

    with pytest.raises(RetryableError, match="can't be reached"):
        keys.find("whatever")
