"""The roles that functions log in with, on a real Postgres: each may do what its functions do, and nothing else."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import boto3
import pg8000.native
import pytest
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws
from pg8000.native import DatabaseError

from local.servers.network_access import NetworkAccess
from local.servers.postgres_server import start_postgres
from local.servers.socket_directory import socket_directory
from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.adapters.postgres import connect
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.errors import ConfigurationError
from orderflow.migrate import migrate
from orderflow.migrate.__main__ import main
from orderflow.migrate.logins import KINDS, RIGHTS, Kind, Login, make_roles, read_logins
from tests.support.api_keys import make_key
from tests.support.builders import NOW_MS
from tests.support.order_steps import confirmed, pending, whole_document

LOGINS: dict[Kind, Login] = {kind: Login(f"orderflow_{kind}", f"secret of {kind}/?@") for kind in KINDS}
ORDER = pending()
MASTER = "CREATE ROLE master LOGIN CREATEROLE PASSWORD 'master'"


@pytest.fixture(scope="module")
def address(servers_home: Path) -> Iterator[str]:
    """Lend the address of a Postgres that asks for passwords, whose owner is no superuser, as on RDS."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    home = servers_home / "roles"
    backing = start_postgres(home, None, NetworkAccess(("127.0.0.1",), port, "owner"))
    superuser = f"postgresql://orderflow@/orderflow?host={socket_directory(home.resolve())}&port={port}"
    with closing(connect(superuser)) as connection:
        for statement in (MASTER, "ALTER DATABASE orderflow OWNER TO master", "ALTER SCHEMA public OWNER TO master"):
            connection.run(statement)
        ((hba_file,),) = connection.run("SHOW hba_file")
        Path(hba_file).write_text("local all all trust\nhost orderflow all 127.0.0.1/32 scram-sha-256\n")
        connection.run("SELECT pg_reload_conf()")
    yield f"127.0.0.1:{port}/orderflow"
    backing.stop()


@pytest.fixture(scope="module")
def master_url(address: str) -> str:
    url = f"postgresql://master:master@{address}"
    migrate(url)
    make_roles(url, LOGINS)
    return url


def url_of(login: Login, address: str) -> str:
    return f"postgresql://{login.username}:{quote(login.password, safe='')}@{address}"


@pytest.fixture
def role(request: pytest.FixtureRequest, master_url: str, address: str) -> Iterator[pg8000.native.Connection]:
    """Lend a connection of the role that the test names."""
    with closing(connect(url_of(LOGINS[request.param], address))) as connection:
        yield connection


def test_the_recorder_writes_a_whole_order_and_the_reader_reads_it(master_url: str, address: str) -> None:
    ledgers = [Ledger(lambda kind=kind: connect(url_of(LOGINS[kind], address))) for kind in ("recorder", "reader")]  # type: ignore[misc]
    recorder, reader = ledgers
    ended = confirmed(ORDER)

    for order in (ORDER, ended, ended):
        assert recorder.write([whole_document(order)]) == set()

    row = reader.find(ORDER.order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.status == "confirmed"
    wanted = OrderFilter(account=LOCAL_ACCOUNT, limit=5)
    assert [found.order_id for found in reader.find_all(wanted)] == [ORDER.order_id]
    assert reader.history(ORDER.order_id, LOCAL_ACCOUNT)
    reader.ping()
    for ledger in ledgers:
        ledger.close()


def test_the_authorizer_finds_a_key_that_the_owner_has_added_and_can_add_none(master_url: str, address: str) -> None:
    _, key = make_key()
    owner = ApiKeys(lambda: connect(master_url))
    authorizer = ApiKeys(lambda: connect(url_of(LOGINS["authorizer"], address)))
    owner.add(key)

    found = authorizer.find(key.id)

    assert found is not None
    assert found.digest == key.digest
    with pytest.raises(DatabaseError, match="permission denied"):
        authorizer.revoke(key.id, NOW_MS)
    for keys in (owner, authorizer):
        keys.close()


def rights_of(connection: pg8000.native.Connection, role: str) -> set[tuple[str, str]]:
    """Return (table, privilege) for all that a role may do to the tables that there are."""
    asked = """SELECT relname, privilege
        FROM pg_class CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(:role, oid, privilege)"""
    return {(table, privilege) for table, privilege in connection.run(asked, role=role)}


def given(kind: Kind) -> set[tuple[str, str]]:
    return {(table, right) for table, rights in RIGHTS[kind].items() for right in rights.split(", ")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_has_the_rights_that_are_written_down_and_no_others(master_url: str, kind: Kind) -> None:
    with closing(connect(master_url)) as connection:
        assert rights_of(connection, LOGINS[kind].username) == given(kind)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("reader", "SELECT * FROM api_keys"),
        ("reader", "DELETE FROM orders"),
        ("reader", "UPDATE orders SET account = 'another'"),
        ("recorder", "SELECT digest FROM api_keys"),
        ("recorder", "DELETE FROM fills"),
        ("recorder", "UPDATE order_events SET status = 'failed'"),
        ("authorizer", "SELECT * FROM orders"),
        ("authorizer", "UPDATE api_keys SET revoked_at = NULL"),
        ("authorizer", "CREATE TABLE mine (id int)"),
        ("authorizer", "CREATE ROLE another"),
        ("authorizer", "COPY (SELECT 1) TO PROGRAM 'id'"),
        ("reader", "SELECT * FROM alembic_version"),
    ],
    indirect=["role"],
)
def test_a_role_is_refused_what_is_not_its_own(role: pg8000.native.Connection, statement: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"):
        role.run(statement)


def test_a_right_that_was_granted_by_hand_is_taken_back_and_a_new_password_counts(
    master_url: str, address: str
) -> None:
    login = LOGINS["authorizer"]
    with closing(connect(master_url)) as connection:
        connection.run(f"GRANT DELETE ON orders TO {login.username}")

        make_roles(master_url, {"authorizer": login._replace(password="second")})

        assert rights_of(connection, login.username) == given("authorizer")
    connect(url_of(login._replace(password="second"), address)).close()
    make_roles(master_url, LOGINS)


def test_tables_that_an_older_schema_lacks_are_left_out(master_url: str) -> None:
    migrate(master_url, "0006")

    make_roles(master_url, LOGINS)

    with closing(connect(master_url)) as connection:
        assert rights_of(connection, LOGINS["authorizer"].username) == set()
    migrate(master_url)
    make_roles(master_url, LOGINS)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        parameters.clear_caches()  # type: ignore[no-untyped-call]
        yield
    parameters.clear_caches()  # type: ignore[no-untyped-call]


def test_the_command_makes_the_roles_of_the_secrets_that_it_is_given(
    aws: None, master_url: str, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    login = Login("orderflow_of_a_secret", "its password")
    boto3.client("secretsmanager").create_secret(Name="reading", SecretString=json.dumps(login._asdict()))
    monkeypatch.setenv("DATABASE_URL", master_url)
    monkeypatch.setenv("READER_SECRET_ID", "reading")

    assert main([]) == 0

    said = capsys.readouterr().out
    assert said.endswith("These roles may use it: orderflow_of_a_secret.\n")
    assert login.password not in said
    connect(url_of(login, address)).close()


def test_a_secret_without_a_login_is_named(aws: None, master_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("secretsmanager").create_secret(Name="empty", SecretString="{}")
    monkeypatch.setenv("DATABASE_URL", master_url)
    monkeypatch.setenv("RECORDER_SECRET_ID", "empty")

    with pytest.raises(ConfigurationError, match="^the secret empty holds no 'username'$"):
        read_logins()
