"""Postgres by password and TLS, as managed ones are reached.

The embedded server is built without TLS and gets an encrypted end before it; an installed one, where there is one, does
it itself.
"""

import shutil
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from pg8000.exceptions import DatabaseError

from local.errors import ServerError
from local.servers.server_process import Server
from local.servers.server_programs import PostgresPrograms, environment, postgres_programs
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.adapters.postgres import connect
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.errors import RetryableError
from orderflow.migrate import migrate
from tests.support.ports import HOST, free_ports
from tests.support.programs import Program
from tests.support.tls import Certificates, encrypted_end, make_certificates
from tests.support.waiting import eventually

PASSWORD = "s3cr/t"


class SecurePostgres(NamedTuple):
    """A server that is certified as localhost, and wants a password of any client that comes over the network."""

    certificates: Certificates
    port: int

    def url(self, sslmode: str, *, password: str = PASSWORD, host: str = "localhost", trusting: bool = True) -> str:
        authority = f"&sslrootcert={quote(str(self.certificates.authority))}" if trusting else ""
        user = f"trader:{quote(password, safe='')}"
        return f"postgresql://{user}@{host}:{self.port}/orderflow?sslmode={sslmode}{authority}"


@pytest.fixture(scope="module")
def certificates(servers_home: Path) -> Certificates:
    return make_certificates(servers_home / "postgres-certificates", "localhost")


@pytest.fixture(scope="module")
def installed(servers_home: Path, certificates: Certificates) -> Iterator[SecurePostgres]:
    """Lend an installed server that encrypts by itself, and takes nobody who does not."""
    home = servers_home / "installed"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("local.servers.server_programs._in_wheel", lambda *_: ())
        try:
            programs = postgres_programs(servers_home)
        except ServerError:
            pytest.skip("no Postgres is installed")
        tls = ("-c", "ssl=on", "-c", "ssl_cert_file=server.crt", "-c", "ssl_key_file=server.key")
        yield SecurePostgres(certificates, stack.enter_context(_server(programs, home, certificates, "hostssl", *tls)))


@pytest.fixture(scope="module")
def embedded(servers_home: Path, certificates: Certificates) -> Iterator[SecurePostgres]:
    """Lend the embedded server behind an encrypted end."""
    programs, home = postgres_programs(servers_home), servers_home / "embedded"
    with (
        _server(programs, home, certificates, "host") as port,
        encrypted_end((HOST, port), certificates, postgres=True) as encrypted,
    ):
        yield SecurePostgres(certificates, encrypted)


@pytest.fixture(params=["embedded", "installed"])
def server(request: pytest.FixtureRequest) -> SecurePostgres:
    lent: SecurePostgres = request.getfixturevalue(request.param)
    return lent


@contextmanager
def _server(
    programs: PostgresPrograms, home: Path, certificates: Certificates, host: str, *options: str
) -> Iterator[int]:
    """Lend the port of a server where `trader` must give a password, under pg_hba.conf's word `host`."""
    home.mkdir()
    data, [port] = home / "postgres", free_ports(1)
    programs.make_data(data)
    (data / "pg_hba.conf").write_text(f"local all all trust\n{host} all all {HOST}/32 scram-sha-256\n")
    for file in (certificates.certificate, certificates.key):
        shutil.copy(file, data)
    (data / "server.key").chmod(0o600)
    programs.own(data)
    place = ("-D", str(data), "-c", f"unix_socket_directories={home}", "-c", f"port={port}")
    network = ("-c", f"listen_addresses={HOST}", "-c", "shared_buffers=16MB")
    command = programs.command("postgres", *place, *network, *options)
    process = Program(command, environment(), home / "log").start()
    own_url = f"postgresql://orderflow@/orderflow?host={home}&port={port}"
    try:
        eventually(lambda: process.poll() is not None or _answers(own_url))
        if b"SSL is not supported by this build" in (home / "log").read_bytes():
            pytest.skip("the installed Postgres is built without TLS")
        with closing(connect(own_url)) as connection:
            connection.run(f"CREATE ROLE trader LOGIN PASSWORD '{PASSWORD}'")
            connection.run("ALTER DATABASE orderflow OWNER TO trader")
        yield port
    finally:
        Server("postgres", own_url, process).stop()


def _answers(url: str) -> bool:
    try:
        connect(url).close()
    except Exception:  # noqa: BLE001 - whatever keeps it from answering
        return False
    return True


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_a_password_lets_in_over_tls(server: SecurePostgres, sslmode: str) -> None:
    with closing(connect(server.url(sslmode))) as connection:
        assert isinstance(connection._usock, ssl.SSLSocket)
        assert connection.run("SELECT current_user") == [["trader"]]


def test_the_ledger_is_migrated_and_used_over_tls(server: SecurePostgres) -> None:
    url = server.url("verify-full")

    migrate(url)
    ledger = Ledger(lambda: connect(url))

    assert ledger.find_all(OrderFilter(1, LOCAL_ACCOUNT)) == []
    ledger.close()


@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full"])
def test_a_server_that_nobody_trusts_is_not_talked_to(server: SecurePostgres, sslmode: str) -> None:
    with pytest.raises(RetryableError, match="certificate verify failed"):
        Ledger(lambda: connect(server.url(sslmode, trusting=False))).ping()


def test_a_server_that_nobody_trusts_is_talked_to_when_only_encryption_is_asked_for(server: SecurePostgres) -> None:
    connect(server.url("require", trusting=False)).close()


def test_only_verify_full_minds_under_which_name_a_server_is_certified(server: SecurePostgres) -> None:
    connect(server.url("verify-ca", host=HOST)).close()

    with pytest.raises(RetryableError, match="certificate verify failed"):
        Ledger(lambda: connect(server.url("verify-full", host=HOST))).ping()


def test_a_wrong_password_is_refused(server: SecurePostgres) -> None:
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(server.url("verify-full", password="guessed"))


def test_a_server_that_wants_encryption_takes_nobody_who_refuses_it(installed: SecurePostgres) -> None:
    with pytest.raises(DatabaseError, match="no encryption"):
        connect(installed.url("disable"))


def test_a_server_without_encryption_is_left_by_who_wants_it(database_url: str) -> None:
    with pytest.raises(RetryableError, match="refuses SSL"):
        Ledger(lambda: connect(f"{database_url}&sslmode=verify-full")).ping()
