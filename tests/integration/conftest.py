"""What the integration tests share: the adapters over the real servers, and an event source that they control."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import redis

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.orders import Orders
from orderflow.adapters.postgres import connect
from orderflow.adapters.streams import Streams
from orderflow.runtime.clients import open_redis

PARTITIONS = 1
P0 = "p0"


@pytest.fixture
def client(redis_client: redis.Redis, redis_url: str) -> Iterator[redis.Redis]:
    """Lend the very client that the system uses, on an empty Redis."""
    with open_redis(redis_url) as opened:
        yield opened
        opened.connection_pool.disconnect()


@pytest.fixture
def orders(client: redis.Redis) -> Orders:
    return Orders(client, PARTITIONS)


@pytest.fixture
def streams(client: redis.Redis) -> Streams:
    return Streams(client, P0)


@pytest.fixture
def ledger(database_url: str, ledger_connection: object) -> Iterator[Ledger]:
    opened = Ledger(lambda: connect(database_url))
    yield opened
    opened.close()


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[threading.Event], None]], threading.Event]]:
    """Lend a way to run something until its event is set, which happens at the latest when the test ends."""
    running: list[tuple[threading.Thread, threading.Event]] = []

    def start(work: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(stop,))
        thread.start()
        running.append((thread, stop))
        return stop

    yield start
    for _, stop in running:
        stop.set()
    for thread, _ in running:
        thread.join(10)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def entries_of(client: redis.Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    """Return a stream's entries, oldest first."""
    return cast("list[tuple[str, dict[str, str]]]", client.xrange(stream))
