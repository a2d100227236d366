"""A publisher that ends anywhere, over and over: its successor does the batch again, and feeds are as if nothing was.

No model: each test lets the same things happen, and has the publisher end behind one of its calls to Redis or to the
gateway, the first, then the second, until there is none left.
"""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from orderflow.adapters import feeds as adapter
from orderflow.adapters.keys import partition_of
from orderflow.adapters.watchers import GROUP
from orderflow.domain.order import Order
from tests.support.order_steps import routed
from tests.support.publishers import ACME, NAMES, PARTITIONS, Publishers
from tests.support.redis_servers import RedisServer, entries_of, on_single_and_cluster

pytestmark = on_single_and_cluster

HOME = partition_of(f"orders:{ACME}", PARTITIONS)
(OTHER,) = {*NAMES} - {HOME}


class Killed(BaseException):
    """A publisher has ended."""


class Death:
    """Ends a publisher behind its call number `at`, once; `calls` counts them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0

    def behind(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call`, which is perhaps the last one; what it did in Redis or at the gateway stays."""

        def called(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            self.calls += 1
            if self.calls == self.at:
                raise Killed
            return result

        return called


@pytest.fixture
def start(redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Publishers]:
    """Lend a way to begin anew, on an empty Redis."""
    monkeypatch.setattr(adapter, "PIECE", 2)

    def begin() -> Publishers:
        client.flushall()
        return Publishers(redis_server, client, monkeypatch)

    return begin


def happen(publishers: Publishers, death: Death, patch: pytest.MonkeyPatch) -> list[Order]:
    """Let orders be created and go on while sockets subscribe, resume and leave, all of it in few batches."""
    publishers.subscribe("first")
    orders = [publishers.new_order(name) for name in NAMES * 2]
    publishers.ask("resumes", resume=0)
    publishers.ask("leaves")
    publishers.take(*(routed(order) for order in orders))
    publishers.ask("leaves", "unsubscribe")
    with patch.context() as mortal:
        client = publishers.client
        mortal.setattr(client, "execute_command", death.behind(client.execute_command))
        mortal.setattr(publishers.gateway, "send", death.behind(publishers.gateway.send))
        try:
            publishers.drain()
        except Killed:
            publishers.drain()
    return orders


def test_wherever_a_publisher_ends_each_event_comes_once_and_in_order(
    start: Callable[[], Publishers], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 1
    while True:
        publishers, death = start(), Death(at)

        orders = happen(publishers, death, monkeypatch)

        for connection in ("first", "resumes"):
            steps = publishers.gateway.steps(connection)
            assert publishers.gateway.sequences(connection) == list(range(1, 9)), at
            assert set(steps) == {(order.order_id, number) for order in orders for number in (1, 2)}, at
            assert all(steps.index((order.order_id, 1)) < steps.index((order.order_id, 2)) for order in orders), at
            assert sum("subscribed" in frame for frame in publishers.gateway.of(connection)) == 1, at
        if death.calls < at:
            break
        at += 1
    assert at > 15


def test_a_publisher_that_ends_between_append_and_acknowledgement_doubles_nothing(
    start: Callable[[], Publishers], client: redis.Redis
) -> None:
    publishers = start()
    publishers.subscribe("one")
    orders = [publishers.new_order(OTHER) for _ in range(3)]
    unacknowledged = publishers.read(OTHER)
    publishers.publish(OTHER, unacknowledged)

    publishers.take(*(routed(order) for order in orders))
    publishers.drain()

    assert client.xlen(f"{{{HOME}}}:feed:orders:{ACME}") == 6
    assert publishers.gateway.sequences("one") == [1, 2, 3, 4, 5, 6]


def test_a_publisher_that_reads_a_batch_and_ends_is_not_passed_over(
    start: Callable[[], Publishers], client: redis.Redis
) -> None:
    publishers = start()
    publishers.subscribe("one")
    for _ in range(2):
        publishers.new_order(OTHER)
        publishers.read(OTHER)  # two readers, neither of which does anything
    publishers.new_order(OTHER)

    publishers.publish(OTHER, publishers.read(OTHER))

    kept = entries_of(client, f"{{{HOME}}}:feed:orders:{ACME}")
    assert [fields["event"] != "" for _, fields in kept] == [True] * 3
    assert client.xpending(f"{{{OTHER}}}:status", GROUP)["pending"] == 3
    publishers.drain()
    assert publishers.gateway.sequences("one") == [1, 2, 3]
