"""The whole engine on a real Redis, in one thread: every function of the template in turn, slot by slot, no clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import redis

from local.run.poller import handler_of
from local.template import read_template
from orderflow.adapters.keys import key, partition_of
from orderflow.adapters.orders import Transition
from orderflow.adapters.streams import Reading, Streams
from orderflow.domain.order import Order, OrderId, OrderRequest, StatusEvent
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.event_source.mapped_function import MappedFunction
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from orderflow.runtime import clients, clock, order_ids
from orderflow.runtime.batch import StreamEvent
from orderflow.runtime.end_order import OrderEnder
from orderflow.venues.mock.background import opening_prices
from orderflow.venues.mock.keys import chain_key
from orderflow.venues.mock.venue import MockVenue
from tests.support.waiting import eventually

TEMPLATE = read_template(Path(__file__).parents[2] / "template.yaml")
OUTSIDE = ("record_order", "publish_status", "publish_reports")
PARTITIONS = 2
MOST_TURNS = 10_000


class Driven:
    """An engine whose market stands still until a test has it go on."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.now_ms: int | None = None
        """What the functions' clock says; None for the real time."""
        self._mappings = [each for each in TEMPLATE.event_sources if each.function not in OUTSIDE]
        self._streams = {name: Streams(client, name) for name in partitions_of(self._mappings, PARTITIONS)}
        for mapping, partition in self._bindings():
            self._streams[partition].create_group(mapping.stream, mapping.function)

    @property
    def venue(self) -> MockVenue:
        venue = clients.venue()
        assert isinstance(venue, MockVenue)
        return venue

    def place(self, request: OrderRequest, *, without: tuple[str, ...] = ()) -> OrderId:
        """Create an order, as the front door does, and have the functions work but for those left out."""
        order = Order.accept(order_ids.new(), request, clock.now_ms())
        assert clients.orders().apply([Transition(order)]) == [True]
        self.work(without=without)
        return order.order_id

    def work(self, *, without: tuple[str, ...] = ()) -> None:
        """Let all functions work until there is nothing left to do, but for those left out."""
        for _ in range(MOST_TURNS):
            bindings = [binding for binding in self._bindings() if binding[0].function not in without]
            if not any(self._turn(mapping, partition) for mapping, partition in bindings):
                return
        raise AssertionError("the work is never done")

    def advance(self, slots: int = 1) -> None:
        """Let the market go on, slot by slot."""
        for _ in range(slots):
            self.venue.produce_blocks([], beat=True)
            self.work()

    def reprice(self, token: str, price: str) -> None:
        """Have the fair price of a token be another, in US dollars, from the next slot on."""
        fair = msgspec.json.decode(self.client.get(chain_key("fair")) or "{}") or opening_prices()
        self.client.set(chain_key("fair"), msgspec.json.encode(fair | {token: float(price)}))
        self.client.hincrby(chain_key("slot"), "block", 1)  # so that it is read anew

    def order(self, order_id: str) -> Order:
        """Return an order as it is."""
        found = clients.orders().find(order_id)
        assert found is not None
        return found[0]

    def history(self, order_id: str) -> list[StatusEvent]:
        """Return an order's events."""
        found = clients.orders().find(order_id)
        assert found is not None
        return found[1]

    def statuses(self, order_id: str) -> list[str]:
        """Return the statuses that an order has had."""
        return [event.status.value for event in self.history(order_id)]

    def books(self, order_id: str) -> dict[str, float]:
        """Return the books that an order is in, with its price in each."""
        partition = partition_of(order_id, PARTITIONS)
        names = map(str, self.client.hkeys(key(partition, "books")))
        scores = {name: self.client.zscore(key(partition, f"book:{name}"), order_id) for name in names}
        return {name: score for name, score in scores.items() if score is not None}

    def look_slot(self, order_id: str) -> float | None:
        """Return the slot at which an order that rests is looked at; None when it does not rest."""
        return self.client.zscore(key(partition_of(order_id, PARTITIONS), "resting"), order_id)

    def expiring(self) -> set[str]:
        """Return the orders that have a time at which they expire, as the timers know them."""
        found = [self.client.zrange(key(name, "expiries"), 0, -1) for name in clients.books().partitions]
        return {str(member).partition(" ")[0] for members in found for member in members}

    @property
    def slot(self) -> int:
        """The market's latest slot."""
        return self.venue.prices().slot

    def wait_until_ended(self, order_id: str) -> None:
        """Work until an order has ended, as time passes."""

        def has_ended() -> bool:
            self.work()
            return self.order(order_id).has_ended

        eventually(has_ended)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Let time pass, without any work, until something holds."""
        eventually(condition)

    def _bindings(self) -> Iterator[tuple[EventSourceMapping, str]]:
        for mapping in self._mappings:
            for partition in filter(mapping.is_on, self._streams):
                yield mapping, partition

    def _turn(self, mapping: EventSourceMapping, partition: str) -> bool:
        streams = self._streams[partition]
        of_partition = [each.stream for each, of in self._bindings() if of == partition]
        reading = Reading(mapping.stream, mapping.function, mapping.batch_size)
        entries = streams.turn([reading], timers_of=of_partition).entries
        if not entries:
            return False
        ender = OrderEnder(clients.orders(), clients.venue())
        function = MappedFunction(mapping, streams, _invoke, FailureDestination(ender))
        function.handle(entries)
        if function.done:
            streams.turn([], done=[function.done])
        return True


def _invoke(function: str, event: dict[str, Any]) -> Any:
    response = handler_of(TEMPLATE.function(function))(cast("StreamEvent", event), None)
    assert response == {"batchItemFailures": []}, f"{function}: {response}"
    return response


@contextmanager
def driven(client: redis.Redis, url: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[Driven]:
    """Lend an engine on an empty Redis."""
    environment = {"REDIS_URL": url, "PARTITIONS": str(PARTITIONS), "SPEED": "0", "DROP_RATE": "0", "CLOCK": "manual"}
    for name, value in (environment | settings).items():
        monkeypatch.setenv(name, value)
    cached = (
        *(clients.redis_client, clients.orders, clients.books, clients.venue, clients.replication),
        *(clients.dead_letters, clients.reports),
    )
    for made in cached:
        made.cache_clear()
    engine = Driven(client)
    real = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: real() if engine.now_ms is None else engine.now_ms)
    try:
        yield engine
    finally:
        for made in cached:
            made.cache_clear()
