"""The ledger's connections: those that broke are replaced unseen, and no statement takes the engine's time for ever."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pg8000.native
import pytest

from local.servers.postgres_server import start_postgres
from orderflow.adapters import ledger as ledger_module
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_connections import MAX_CONNECTIONS, LedgerConnection
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.adapters.ledger_writing import WRITE, parameters
from orderflow.adapters.postgres import connect
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.errors import RetryableError
from orderflow.migrate import migrate
from tests.support.order_steps import pending, whole_document
from tests.support.waiting import eventually

ALL = OrderFilter(10, LOCAL_ACCOUNT)


def use_every_connection(ledger: Ledger) -> None:
    """Have the ledger open all the connections that it may keep."""
    together = threading.Barrier(MAX_CONNECTIONS)

    def work(_connection: object) -> None:
        together.wait(10)

    with ThreadPoolExecutor(MAX_CONNECTIONS) as threads:
        list(threads.map(lambda _: ledger._connections.use(1_000, work), range(MAX_CONNECTIONS)))


class OwnPostgres:
    """A Postgres of the test's own, to be ended and started again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._backing = start_postgres(home, None)
        self.url = self._backing.url

    def restart(self, number: signal.Signals) -> None:
        process = self._backing.process
        assert process is not None
        process.send_signal(number)
        process.wait(20)
        self._backing = start_postgres(self._home, None)

    def stop(self) -> None:
        self._backing.stop()


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    with TemporaryDirectory(prefix="orderflow-") as home:
        own = OwnPostgres(Path(home))
        migrate(own.url)
        yield own
        own.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "at once"])
def test_no_read_fails_once_postgres_is_back(postgres: OwnPostgres, number: signal.Signals) -> None:
    ledger = Ledger(lambda: connect(postgres.url))
    order = pending()
    ledger.write([whole_document(order)])
    use_every_connection(ledger)

    postgres.restart(number)

    assert [len(ledger.find_all(ALL)) for _ in range(30)] == [1] * 30
    with ThreadPoolExecutor(MAX_CONNECTIONS) as threads:
        assert all(threads.map(lambda _: ledger.find(order.order_id, LOCAL_ACCOUNT), range(30)))
    ledger.close()


def test_what_is_written_over_a_broken_connection_is_written_once(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    order = pending()
    ledger.write([whole_document(order)])
    end_all_others(ledger_connection)

    ledger.write([whole_document(order), whole_document(pending())])

    assert len(ledger.find_all(ALL)) == 2
    assert len(ledger.history(order.order_id, LOCAL_ACCOUNT)) == 1


def test_an_answer_that_was_lost_after_the_writing_changes_nothing(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    order = pending()
    ledger.ping()
    attempts = []

    def write_then_lose_the_answer(connection: LedgerConnection) -> None:
        attempts.append(connection)
        connection.run_prepared(WRITE, **parameters([whole_document(order)], [whole_document(order)]))
        if len(attempts) == 1:
            raise ConnectionResetError

    ledger._connections.use(1_000, write_then_lose_the_answer)

    assert len(set(attempts)) == 2
    assert len(ledger.history(order.order_id, LOCAL_ACCOUNT)) == 1


def test_a_connection_that_breaks_anew_is_given_up(ledger: Ledger) -> None:
    attempts = []

    def break_it(connection: object) -> None:
        attempts.append(connection)
        raise ConnectionResetError("Connection reset by peer")

    ledger.ping()
    with pytest.raises(RetryableError, match="Postgres can't be reached: Connection reset by peer"):
        ledger._connections.use(1_000, break_it)
    assert len(attempts) == 2


def test_a_time_out_is_not_asked_for_twice(ledger: Ledger) -> None:
    attempts = []

    def hang(connection: object) -> None:
        attempts.append(connection)
        raise pg8000.native.InterfaceError("network error") from TimeoutError("timed out")

    ledger.ping()
    with pytest.raises(RetryableError, match="network error"):
        ledger._connections.use(1_000, hang)
    assert len(attempts) == 1


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("READ_TIMEOUT_MS", lambda ledger: ledger.find_all(ALL)),
        ("READ_TIMEOUT_MS", lambda ledger: ledger.find(pending().order_id, LOCAL_ACCOUNT)),
        ("WRITE_TIMEOUT_MS", lambda ledger: ledger.write([whole_document(pending())])),
    ],
    ids=["list", "one", "write"],
)
def test_a_statement_that_takes_too_long_is_ended_by_postgres(
    name: str,
    work: Callable[[Ledger], object],
    ledger: Ledger,
    ledger_connection: pg8000.native.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_module, name, 100)
    ledger.ping()
    ledger_connection.run("BEGIN")
    ledger_connection.run("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")

    started = time.monotonic()
    with pytest.raises(RetryableError, match="canceling statement due to statement timeout"):
        work(ledger)
    elapsed_s = time.monotonic() - started
    ledger_connection.run("ROLLBACK")

    assert elapsed_s < 4
    work(ledger)
    assert connections(ledger_connection) == 1


def test_the_time_out_is_sooner_than_the_connection_s_own() -> None:
    from orderflow.adapters.postgres import CONNECT_TIMEOUT_S

    assert ledger_module.READ_TIMEOUT_MS < ledger_module.WRITE_TIMEOUT_MS < CONNECT_TIMEOUT_S * 1_000


def end_all_others(connection: pg8000.native.Connection) -> None:
    connection.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    eventually(lambda: connections(connection) == 0)


def connections(connection: pg8000.native.Connection) -> int:
    """Return how many others are connected."""
    connection.run("SELECT pg_stat_clear_snapshot()")
    ((count,),) = connection.run(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    return int(count)
