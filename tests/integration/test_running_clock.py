"""The market's clock with pollers: it runs while something needs it, survives what fails, else it stands still."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import redis

from functions.produce_block import handler
from orderflow.adapters.books import Books
from orderflow.adapters.orders import Orders
from orderflow.adapters.replication import Replication
from orderflow.adapters.reports import MARKET, Reports, followers_key
from orderflow.event_source import mapped_function
from orderflow.event_source.invoke import FunctionError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime import clients
from orderflow.runtime.batch import StreamEvent
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.event_sources import event_source
from tests.support.redis_servers import entries_of
from tests.support.waiting import eventually

InThread = Callable[[Callable[[threading.Event], None]], threading.Event]
BEAT_MS = 20
BLOCKS = EventSourceMapping(
    function="produce_block", stream="transactions", scope="chain", ordered=True, maximum_retry_attempts=1
)
RESTING = "{p1}:resting"


@pytest.fixture
def venue(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> MockVenue:
    """Lend the venue that produce_block finds; two partitions have orders."""
    replication = Replication(client, min_replicas=0)
    venue = MockVenue(ChainStore(client, 1, BEAT_MS), Latency(seed=1, speed=0), replication)
    found = {"venue": venue, "orders": Orders(client, 2), "books": Books(client, 2), "replication": replication}
    found["reports"] = Reports(client)
    for name, opened in found.items():
        monkeypatch.setattr(clients, name, lambda opened=opened: opened)
    monkeypatch.setattr(mapped_function, "FIRST_RETRY_MS", 5)
    return venue


class Function:
    """produce_block, which fails as often as a test says; threads of pollers call it."""

    def __init__(self) -> None:
        self.fails = 0
        self.dies_after_its_work = False

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        if self.fails:
            self.fails -= 1
            raise FunctionError("no block today")
        response = handler.lambda_handler(cast("StreamEvent", event), None)
        if self.dies_after_its_work:
            self.dies_after_its_work = False
            raise FunctionError("the process died")
        return response


@pytest.fixture
def function(client: redis.Redis, venue: MockVenue, in_thread: InThread) -> Iterator[Function]:
    """Lend the function that an event source invokes."""
    function = Function()
    stop = in_thread(event_source(client, [BLOCKS], function, partitions=2).run)
    yield function
    stop.set()


def slot_of(client: redis.Redis) -> int:
    return int(client.hget("{chain}:slot", "slot") or 0)


def has_passed(client: redis.Redis, slots: int) -> Callable[[], bool]:
    """Return what looks whether so many slots more have passed."""
    until = slot_of(client) + slots
    return lambda: slot_of(client) >= until


@pytest.mark.parametrize("needs_it", [RESTING, followers_key(MARKET)])
def test_slots_pass_while_something_rests_or_somebody_follows_the_market_and_no_longer(
    client: redis.Redis, venue: MockVenue, function: Function, needs_it: str
) -> None:
    client.zadd(needs_it, {"an order, or a socket": 7})
    venue.keep_time()
    eventually(has_passed(client, 5))

    client.delete(needs_it)
    eventually(lambda: client.hget("{chain}:slot", "ticks") is None)

    eventually(lambda: client.xlen("{chain}:transactions") == 0)
    assert client.zcard("{chain}:timers") == 0
    assert client.xlen("{chain}:ticks") == slot_of(client)


def test_a_clock_that_stands_still_runs_again_when_somebody_asks(
    client: redis.Redis, venue: MockVenue, function: Function
) -> None:
    venue.keep_time()
    eventually(lambda: client.hget("{chain}:slot", "ticks") is None)

    client.zadd(RESTING, {"an order": 7})
    venue.keep_time()

    eventually(has_passed(client, 3))


def test_a_heartbeat_whose_process_died_after_its_block_goes_on_alone(
    client: redis.Redis, venue: MockVenue, function: Function
) -> None:
    client.zadd(RESTING, {"an order": 7})
    function.dies_after_its_work = True
    venue.keep_time()

    eventually(has_passed(client, 5))

    assert client.zcard("{chain}:timers") + client.xlen("{chain}:transactions") <= 2
    assert client.xlen("{chain}:ticks") >= 5


def test_a_clock_whose_heartbeat_was_given_up_runs_again_when_somebody_asks(
    client: redis.Redis, venue: MockVenue, function: Function
) -> None:
    client.zadd(RESTING, {"an order": 7})
    function.fails = 2
    venue.keep_time()
    eventually(lambda: client.xlen("{chain}:dead") == 1)
    [(_, letter)] = entries_of(client, "{chain}:dead")
    assert letter["order"] == HEARTBEAT
    assert client.zcard("{chain}:timers") == 0

    venue.keep_time()

    eventually(has_passed(client, 3))
