"""Logins from Secrets Manager on real servers: they work, they may change, and they open no more than is needed."""

import asyncio
import gc
import json
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import boto3
import pg8000.native
import pytest
import redis
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws
from redis.asyncio import Redis as AsyncRedis

from local.run.poller import handler_of
from local.servers.application_role import APPLICATION_ROLE
from local.servers.network_access import NetworkAccess
from local.servers.postgres_server import start_postgres
from local.servers.socket_directory import socket_directory
from local.settings import ROOT
from local.template import read_document, read_template
from orderflow.adapters import secrets
from orderflow.adapters.intake import NewOrder
from orderflow.adapters.ledger import Ledger, OrderRow
from orderflow.adapters.postgres import connect
from orderflow.adapters.redis_cluster import Cluster
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.errors import RetryableError
from orderflow.event_source.invoke import InProcess
from orderflow.migrate import migrate
from orderflow.runtime import async_clients, clients
from tests.support.event_sources import event_source
from tests.support.order_steps import a_request, pending
from tests.support.redis_servers import RedisServer, on_single_and_cluster
from tests.support.threads import InThread
from tests.support.waiting import eventually

ACCESS = read_document(ROOT / "template.yaml")["Resources"]["RedisUser"]["Properties"]["AccessString"]
_OPENED = [opened for opened in vars(clients).values() if hasattr(opened, "cache_clear")]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be on an AWS that moto plays, with clients that were not opened before."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("REDIS_CLUSTER", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        _forget()
        yield
    _forget()


def _forget() -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    for opened in _OPENED:
        opened.cache_clear()


def keep(name: str, username: str, password: str) -> None:
    manager = boto3.client("secretsmanager")
    document = json.dumps({"username": username, "password": password})
    try:
        manager.create_secret(Name=name, SecretString=document)
    except manager.exceptions.ResourceExistsException:
        manager.put_secret_value(SecretId=name, SecretString=document)


def forget_refused_connections() -> None:
    """Have the sockets collected that pg8000 leaves open when a login is refused, and warned of here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def postgres(servers_home: Path) -> Iterator[NetworkAccess]:
    """Lend a Postgres that asks for a password."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    listening = NetworkAccess(("127.0.0.1",), port, "first/pass word")
    backing = start_postgres(servers_home / "passwords", None, listening)
    migrate(backing.url)
    yield listening
    backing.stop()


@pytest.fixture
def owner(postgres: NetworkAccess, servers_home: Path) -> Iterator[pg8000.native.Connection]:
    """Lend the connection of somebody who may change passwords and needs none."""
    sockets = socket_directory((servers_home / "passwords").resolve())
    with closing(connect(f"postgresql://orderflow@/orderflow?host={sockets}&port={postgres.port}")) as connection:
        yield connection


def test_a_rotated_password_of_postgres_is_found_as_soon_as_it_is_needed(
    postgres: NetworkAccess, owner: pg8000.native.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("ledger", APPLICATION_ROLE, postgres.password)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{postgres.port}/orderflow")
    monkeypatch.setenv("DATABASE_SECRET_ID", "ledger")
    ledger = clients.ledger()
    ledger.ping()

    # First Postgres has the new password, then the secret: between the two nobody gets in.
    owner.run(f"ALTER ROLE {APPLICATION_ROLE} PASSWORD 'second'")
    ledger.close()
    with pytest.raises(RetryableError, match="^Postgres refuses the login: password authentication failed"):
        ledger.ping()
    forget_refused_connections()
    keep("ledger", APPLICATION_ROLE, "second")

    ledger.ping()
    ledger.close()


def _execute(client: redis.Redis, *words: str) -> Any:
    execute: Callable[..., Any] = client.execute_command
    return execute(*words)


class Keepers:
    """The servers of a Redis or a Redis Cluster, for somebody who may do everything there."""

    def __init__(self, urls: list[str]) -> None:
        self._clients = [redis.Redis.from_url(url, decode_responses=True) for url in urls]

    def ask(self, *words: str) -> list[Any]:
        """Have each server execute a command."""
        return [_execute(client, *words) for client in self._clients]

    def admit(self, password: str) -> None:
        """Let the template's user in with this password alone, and forget who was refused."""
        self.ask("ACL", "SETUSER", "orderflow", "reset", f">{password}", *ACCESS.split())
        self.ask("ACL", "LOG", "RESET")

    def close(self) -> None:
        self.ask("ACL", "DELUSER", "orderflow")
        for client in self._clients:
            client.close()


@pytest.fixture
def keepers(
    request: pytest.FixtureRequest, redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Keepers]:
    """Lend an empty Redis that knows the template's user, and a secret with its login."""
    nodes = request.getfixturevalue("cluster_nodes").all if redis_server.cluster else []
    keepers = Keepers([node.url for node in nodes] or [redis_server.url])
    keepers.admit("first")
    keep("streams", "orderflow", "first")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("REDIS_CLUSTER", str(int(redis_server.cluster)))
    monkeypatch.setenv("REDIS_SECRET_ID", "streams")
    yield keepers
    opened_client = clients.redis_client()
    (opened_client if isinstance(opened_client, Cluster) else opened_client.connection_pool).close()
    keepers.close()


@on_single_and_cluster
def test_a_rotated_password_of_redis_is_found_by_the_next_connection(
    keepers: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "REDIS_MAX_AGE_S", 0)
    assert clients.redis_client().exists("{p0}:route") == 0
    keep("streams", "orderflow", "second")
    keepers.admit("second")
    keepers.ask("CLIENT", "KILL", "USER", "orderflow")

    def answers() -> bool:
        with suppress(redis.ConnectionError):
            return clients.redis_client().exists("{p0}:route") == 0
        return False

    eventually(answers)


@on_single_and_cluster
@pytest.mark.usefixtures("keepers")
@pytest.mark.parametrize(
    "command",
    ["FLUSHALL", "KEYS *", "CONFIG GET *", "ACL LIST", "SHUTDOWN", "GET others", "SET others 1", "PUBLISH others 1"],
)
def test_the_login_opens_nothing_but_the_keys_of_orders(command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        _execute(clients.redis_client(), *command.split())


async def accept(count: int) -> list[str]:
    requests = [a_request(), a_request("USDC", "SOL", 200_000_000)]
    client = async_clients.redis_client()
    try:
        intake = async_clients.intake()
        news = [NewOrder(pending(request=requests[number % 2])) for number in range(count)]
        return [str(order_id) for order_id in await asyncio.gather(*map(intake.create, news))]
    finally:
        await client.aclose()
        if isinstance(client, AsyncRedis):
            await client.connection_pool.disconnect()


@on_single_and_cluster
def test_the_login_is_enough_for_the_whole_way_of_an_order(
    keepers: Keepers, database_url: str, ledger: Ledger, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DATABASE_URL": database_url, "PARTITIONS": "2", "SPEED": "0"}.items():
        monkeypatch.setenv(name, value)
    template = read_template(ROOT / "template.yaml")
    handlers = {each.function: handler_of(template.function(each.function)) for each in template.event_sources}
    accepted = asyncio.run(accept(12))

    source = event_source(clients.redis_client(), template.event_sources, InProcess(handlers), partitions=2)
    in_thread(source.run)

    def found() -> list[OrderRow | None]:
        return [ledger.find(order_id, LOCAL_ACCOUNT) for order_id in accepted]

    eventually(lambda: all(order and order.status == "confirmed" for order in found()), timeout_s=60)
    assert keepers.ask("ACL", "LOG") == [[] for _ in keepers.ask("PING")]
    clients.ledger().close()
