"""How property tests search; real servers for the tests that want them: started on first use, emptied before each."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pg8000.native
import pytest
import redis
from hypothesis import HealthCheck, Phase, settings

from local.servers.postgres_server import start_postgres
from local.servers.redis_server import start_redis
from orderflow.adapters.postgres import connect
from orderflow.migrate import migrate

# No deadline: the machines that run the tests may be busy with other work. In CI the examples are the same every time,
# so that a change is judged by itself; elsewhere new ones are tried. Under `make mutants` only counts that one fails.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize="CI" in os.environ,
    phases=[Phase.explicit, Phase.generate] if "ORDERFLOW_MUTANT" in os.environ else tuple(Phase),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

# Their assertions speak as those of the tests do.
pytest.register_assert_rewrite("tests.support")

_LOOP = asyncio.new_event_loop()


def pytest_configure() -> None:
    """Lend the thread an event loop; Mangum asks for it when a handler is imported, or makes one that nobody closes."""
    asyncio.set_event_loop(_LOOP)
    # A job in a shell's background is started with Ctrl-C ignored, and so would be what the tests send it to.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup() -> None:
    """Lend the loop again, which asyncio.run() in the test before has removed."""
    asyncio.set_event_loop(_LOOP)


def pytest_unconfigure() -> None:
    """Close the loop that was lent."""
    _LOOP.close()


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """Lend a directory for the servers, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def redis_url(servers_home: Path) -> Iterator[str]:
    """Lend a Redis of our own, whatever REDIS_URL says: the tests empty it."""
    backing = start_redis(servers_home, None)
    yield backing.url
    backing.stop()


@pytest.fixture(scope="session")
def database_url(servers_home: Path) -> Iterator[str]:
    """Lend a Postgres of our own, migrated, whatever DATABASE_URL says: the tests empty it."""
    backing = start_postgres(servers_home, None)
    try:
        migrate(backing.url)
        yield backing.url
    finally:
        backing.stop()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """Lend a client of a Redis that is empty."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def ledger_connection(database_url: str) -> Iterator[pg8000.native.Connection]:
    """Lend a connection to a ledger that is empty."""
    connection = connect(database_url)
    connection.run("TRUNCATE orders, order_events, fills")
    yield connection
    connection.close()
