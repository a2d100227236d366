"""The commands for API keys on a real Postgres and Redis: what they print, record and copy."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import NamedTuple

import boto3
import pytest
import redis
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws

from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.keys import key as redis_key
from orderflow.adapters.postgres import connect
from orderflow.api_keys import open_sockets
from orderflow.api_keys.__main__ import main
from orderflow.domain.access import ApiKey, Limits, Rate, authorize
from orderflow.domain.key_text import read_key_text
from orderflow.errors import RetryableError
from orderflow.runtime import clients, clock
from orderflow.runtime.known_keys import REMEMBER_S
from tests.support.fakes.delivery import FakeSockets
from tests.support.ports import free_port

OPENED = [opened for opened in vars(clients).values() if hasattr(opened, "cache_clear")]


class Done(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Lend the command line, on empty stores."""
    connection = connect(database_url)
    connection.run("TRUNCATE api_keys")
    connection.close()
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)

    def run(*words: str) -> Done:
        status = main(words)
        return Done(status, *capsys.readouterr())

    yield run
    clients.api_keys().close()
    clients.redis_client().close()
    for opened in OPENED:
        opened.cache_clear()


@pytest.fixture
def record(database_url: str) -> Iterator[ApiKeys]:
    opened = ApiKeys(lambda: connect(database_url))
    yield opened
    opened.close()


def copy_in(client: redis.Redis, key: ApiKey) -> ApiKey:
    found = client.hgetall(redis_key("chain", f"api-key:{key.id}"))
    return ApiKey(**json.loads(found["key"]))


def test_a_key_is_printed_alone_and_is_good(run: Run, record: ApiKeys, redis_client: redis.Redis) -> None:
    done = run("add", "--account", "alice", "--expires-in", "1h", "--orders", "500/s:1000", "--label", "robot")

    text = done.out.removesuffix("\n")
    said = read_key_text(text)
    assert said is not None
    assert text.startswith("of_live_")
    [key] = record.all()
    assert authorize(said.digest, key, "192.0.2.1", clock.now_ms()) == key.caller
    assert (key.account, key.label, key.limits) == ("alice", "robot", Limits(orders=Rate(500, 1_000)))
    assert key.expires_at_ms == key.created_at_ms + 3_600_000
    assert redis_client.hget(redis_key("chain", f"api-key:{key.id}"), "version") == "1"
    assert done.status == 0
    assert key.id in done.err
    assert text not in done.err


def test_the_list_has_no_secret_and_what_became_of_each(run: Run) -> None:
    texts = [run("add", *words).out.strip() for words in ([], ["--account", "bob", "--networks", "192.0.2.0/24"])]
    said = [read_key_text(text) for text in texts]
    ids = [each.id for each in said if each]
    run("revoke", ids[0])

    done = run("list")

    newest, oldest = done.out.splitlines()
    assert newest.startswith(f"{ids[1]}  bob  read,trade  good  from 192.0.2.0/24")
    assert oldest.startswith(f"{ids[0]}  local  read,trade  revoked 20")
    assert not any(text.split("_")[3] in done.out for text in texts)
    assert run("list", "--account", "bob").out.splitlines() == [newest]
    assert run("list", "--account", "carol").out == "The account carol has no keys.\n"


def test_a_key_is_revoked_in_both_places(run: Run, record: ApiKeys, redis_client: redis.Redis) -> None:
    text = run("add").out.strip()

    done = run("revoke", text)

    [key] = record.all()
    assert key.revoked_at_ms is not None
    assert redis_client.hget(redis_key("chain", f"api-key:{key.id}"), "version") == "2"
    assert (done.status, done.out) == (0, "")
    assert "refused in 5 s at most" in done.err


def test_of_several_keys_all_that_are_there_are_revoked(run: Run, record: ApiKeys) -> None:
    text = run("add").out.strip()

    done = run("revoke", "1" * 11, text)

    assert done.status == 1
    assert "there is no key 11111111111" in done.err
    assert record.all()[0].revoked_at_ms is not None


def test_a_key_is_rotated_with_a_grace_for_both(run: Run, record: ApiKeys) -> None:
    text = run("add", "--account", "alice").out.strip()

    done = run("rotate", text, "--grace", "1h")

    new, former = record.all()
    said = read_key_text(done.out.strip())
    assert said is not None
    assert (done.status, said.id, said.digest) == (0, new.id, new.digest)
    assert former.expires_at_ms == new.created_at_ms + 3_600_000
    assert run("rotate", "1" * 11).status == 1
    assert run("revoke", former.id).status == 0
    again = run("rotate", former.id)
    assert (again.status, again.err) == (1, f"key {former.id} has the successor {new.id}; rotate or revoke that one\n")


def test_without_redis_a_key_is_made_and_one_that_is_revoked_ends_a_minute_later(
    run: Run, record: ApiKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}")

    added = run("add")
    revoked = run("revoke", added.out.strip())

    assert (added.status, revoked.status) == (0, 1)
    assert "refused in 65 s at most" in revoked.err
    assert record.all()[0].revoked_at_ms is not None


def test_without_postgres_nothing_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{free_port()}/orderflow")

    done = run("add")

    assert (done.status, done.out) == (1, "")
    assert "Postgres can't be reached" in done.err


def open_socket(client: redis.Redis, text: str, connection_id: str) -> None:
    """Count a socket as watch_order does when it is opened by a key."""
    said = read_key_text(text)
    assert said is not None
    client.zadd(redis_key("chain", "sockets:alice"), {f"{said.id} {connection_id}": 0})


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> FakeSockets:
    """Stand for API Gateway's sockets."""
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", "https://f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com/live")
    sockets = FakeSockets()
    monkeypatch.setattr(clients, "sockets", lambda: sockets)
    monkeypatch.setattr(open_sockets, "time", SimpleNamespace(sleep=lambda _seconds: None))
    return sockets


@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_the_sockets_of_a_key_that_ends_are_closed_on_api_gateway_and_so_is_one_that_comes_again(
    run: Run, redis_client: redis.Redis, sockets: FakeSockets, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    texts = [run("add", "--account", "alice").out.strip() for _ in range(2)]
    open_socket(redis_client, texts[0], "its=")
    open_socket(redis_client, texts[1], "another's=")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert sockets.closed == {"its="}
        open_socket(redis_client, texts[0], "again=")

    monkeypatch.setattr(open_sockets, "time", SimpleNamespace(sleep=sleep))
    done = run(action, texts[0])

    assert done.status == 0
    assert sockets.closed == {"its=", "again="}
    assert [(sent.connection_id, sent.text) for sent in sockets.sent] == [
        (connection, '{"error":"key revoked"}') for connection in ("its=", "again=")
    ]
    assert slept > [REMEMBER_S]


def test_with_a_grace_sockets_stay_open(run: Run, redis_client: redis.Redis, sockets: FakeSockets) -> None:
    text = run("add", "--account", "alice").out.strip()
    open_socket(redis_client, text, "its=")

    assert run("rotate", text, "--grace", "1h").status == 0
    assert sockets.closed == set()


def test_sockets_that_can_t_be_reached_are_said(run: Run, redis_client: redis.Redis, sockets: FakeSockets) -> None:
    text = run("add", "--account", "alice").out.strip()
    open_socket(redis_client, text, "its=")
    sockets.error = RetryableError("@connections can't be reached")

    done = run("revoke", text)

    assert done.status == 1
    assert "stay open for up to two hours: @connections can't be reached" in done.err


def test_the_local_gateway_closes_sockets_itself(
    run: Run, redis_client: redis.Redis, sockets: FakeSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTIONS_API", "local")
    text = run("add", "--account", "alice").out.strip()
    open_socket(redis_client, text, "its=")

    assert run("revoke", text).status == 0
    assert sockets.closed == set()


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be on an AWS that moto plays."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        parameters.clear_caches()  # type: ignore[no-untyped-call]
        yield
    parameters.clear_caches()  # type: ignore[no-untyped-call]


@pytest.mark.usefixtures("_aws")
def test_a_key_is_put_into_a_secret_and_printed_nowhere(run: Run, record: ApiKeys) -> None:
    done = [run("add", "--to-secret", "robot/key")]
    secrets = boto3.client("secretsmanager")
    texts = [secrets.get_secret_value(SecretId="robot/key")["SecretString"]]
    done.append(run("rotate", texts[0], "--to-secret", "robot/key"))
    texts.append(secrets.get_secret_value(SecretId="robot/key")["SecretString"])

    assert [(each.status, each.out) for each in done] == [(0, "")] * 2
    said = [read_key_text(text) for text in texts]
    assert [key.id for key in record.all()] == [each.id for each in said[::-1] if each]
    assert not any(text in each.err for text in texts for each in done)


@pytest.mark.usefixtures("_aws")
def test_a_key_that_no_secret_takes_is_revoked(run: Run, record: ApiKeys, redis_client: redis.Redis) -> None:
    done = run("add", "--to-secret", "")  # no secret's name

    assert (done.status, done.out) == (1, "")
    assert "can't be written" in done.err
    [key] = record.all()
    assert key.revoked_at_ms is not None
    assert copy_in(redis_client, key).revoked_at_ms == key.revoked_at_ms, "nor is its copy good, for a minute"
