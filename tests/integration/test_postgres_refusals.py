"""What a Postgres that refuses a connection says reaches us, however fast it hangs up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError

from orderflow.adapters.postgres import connect, log_in
from orderflow.errors import LoginRefusedError


def refusal(code: str, message: str) -> bytes:
    """Return an ErrorResponse of Postgres' protocol, version 3."""
    fields = f"SFATAL\0VFATAL\0C{code}\0M{message}\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4, "big") + fields


@pytest.fixture
def refusing(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """Lend the URL of a server that refuses every connection, and has stopped listening before it says so."""
    directory = tmp_path_factory.mktemp("pg")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(directory / ".s.PGSQL.5432"))
        listener.listen()
        thread = threading.Thread(target=refuse_all, args=(listener, refusal(*request.param)))
        thread.start()
        yield f"postgresql://trader@/ledger?host={directory}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def refuse_all(listener: socket.socket, answer: bytes) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # the test is over
        with client:
            client.recv(4096)  # asks for TLS
            client.sendall(b"N")
            client.recv(4096)  # names user and database
            client.shutdown(socket.SHUT_RD)
            client.sendall(answer)


@pytest.mark.parametrize("refusing", [("3D000", 'database "ledger" does not exist')], indirect=True)
def test_a_refusal_is_raised_although_the_server_has_hung_up(refusing: str) -> None:
    with pytest.raises(DatabaseError, match="does not exist"):
        connect(refusing)


@pytest.mark.parametrize("refusing", [("28P01", "password authentication failed")], indirect=True)
def test_a_login_that_is_refused_so_is_asked_for_anew(refusing: str) -> None:
    asked: list[bool] = []

    def database_url(*, anew: bool = False) -> str:
        asked.append(anew)
        return refusing

    with pytest.raises(LoginRefusedError, match="password authentication failed"):
        log_in(database_url)
    assert asked == [False, True]


def test_a_server_that_is_not_there_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="communication error|Can't create a connection"):
        connect(f"postgresql://trader@/ledger?host={tmp_path}")
