"""The world of the model check: the real scripts, adapters, stages and pollers on a real Redis, under actors' control.

Only the ends are in memory: the ledger's rows, and the connections behind the gateway's fence.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import redis

from functions.change_orders.amending import _amend
from functions.change_orders.amendment import Amendment
from local.run.poller import handler_of
from local.template import read_template
from orderflow.adapters.capacity import Limits
from orderflow.adapters.dead_letters import DeadLetter, DeadLetters
from orderflow.adapters.intake import Intake, NewOrder
from orderflow.adapters.keys import order_partitions
from orderflow.adapters.orders import Orders
from orderflow.adapters.replication import AsyncReplication, Replication
from orderflow.adapters.reports import Reports
from orderflow.adapters.streams import Streams
from orderflow.adapters.subscriptions import Subscription, Subscriptions
from orderflow.adapters.tallies import Tallies
from orderflow.adapters.watchers import Watchers
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RejectedError, RetryableError
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.event_source.invoke import FunctionError, Invoke
from orderflow.event_source.mapped_function import MappedFunction
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime import clock
from orderflow.runtime.end_order import OrderEnder
from orderflow.runtime.http.problems import ProblemError
from orderflow.runtime.taking_back import TakenBack, take_back_each
from orderflow.venues.mock.background import opening_prices
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN, chain_key
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.model.actors import Actor, Reply, Tape
from tests.model.clocks import NOW, Books, Chain
from tests.model.ends import Ends, Gateway, Ledger
from tests.model.launches import CALENDAR
from tests.model.redis import AsyncFace, Snapshot, TapedRedis

TEMPLATE = read_template(Path(__file__).parents[2] / "template.yaml")
PARTITIONS = 2
RETRIES = 1
"""Fewer than the template's, so that a record is given up within few steps."""

START_MS = 4_102_444_800_000
"""When a world begins, in ms since 1970: so late that no key expires by itself, as keys do by Redis' own clock."""
MADE_FROM = 1_000_000
"""The number of the first id that functions make; those of clients are below."""

Binding = tuple[EventSourceMapping, str]
"""A mapping, and a partition that it is on."""

ROOM = Limits(max_lag=1_000, max_in_flight=1_000, max_memory=1)

# How a function may fail, apart from the calls that it makes.
RAISES = "raises before its work"
TIMES_OUT = "times out after its work"
REPORTS = "does its work and reports its last record as failed"


class Uncounted(Tallies):
    """Tallies that nobody wants: whether somebody does is asked by the real time, which differs from run to run."""

    def are_wanted(self) -> bool:
        return False


class World:
    """One world on `client`; `begin` empties it and opens the market."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.taped = TapedRedis.on(client, self.ask)
        self.partitions = order_partitions(PARTITIONS)
        self.orders = Orders(self.taped, PARTITIONS)
        self.books = Books(self.taped, PARTITIONS, self._note_now)
        self.watchers = Watchers(self.taped)
        self.reports = Reports(self.taped)
        self.tallies = Uncounted(self.taped)
        self.streams = {name: Streams(self.taped, name) for name in (*self.partitions, CHAIN)}
        self.mappings = [
            msgspec.structs.replace(mapping, maximum_retry_attempts=RETRIES) for mapping in TEMPLATE.event_sources
        ]
        self.handlers = {name.function: handler_of(TEMPLATE.function(name.function)) for name in self.mappings}
        self.ledger = Ledger(self.ask, lambda: self.ends)
        self.sockets = Gateway(self.ask, lambda: self.ends)
        self.replication = Replication(self.taped, min_replicas=0)
        self.loop = asyncio.new_event_loop()
        self.watch: Callable[[Sequence[object]], None] = lambda question: None
        """Called after each call that happened."""
        self.quiet: set[str] = set()
        """Commands that do not count as a call."""
        self._tape: Tape | None = None
        self.begin()

    def begin(self, speed: float = 0, *, slot: int = 0) -> None:
        """Empty everything and open the market; `speed` is the factor on the simulated delays.

        One that opens in another `slot` than the first has launches.
        """
        self.client.flushdb()
        self.now_ms = self.redis_now_ms = START_MS
        self._ahead_ms = START_MS - time.time_ns() // 1_000_000
        self.ids = count(MADE_FROM)
        self.bugs: list[str] = []
        self.latency = Latency(seed=1, speed=speed)
        self.ends = Ends()
        self.start_slot = slot
        self.venue = self._open_venue()
        ChainStore(self.client).state()
        if slot:
            self.client.hset(chain_key("slot"), "slot", str(slot))
        for mapping, partition in self.bindings():
            self.streams_of(partition).create_group(mapping.stream, mapping.function)

    def bindings(self) -> Iterator[Binding]:
        """Yield every mapping with each partition that it is on."""
        for mapping in self.mappings:
            for partition in filter(mapping.is_on, self.streams):
                yield mapping, partition

    def streams_of(self, partition: str) -> Streams:
        """Return a partition's streams for the test's own use: its calls are no actor's."""
        return Streams(self.client, partition)

    def ask(self, question: Sequence[object], call: Callable[[], Reply], lost: Callable[[], Exception]) -> Reply:
        """Make a call for the actor whose program runs."""
        assert self._tape is not None, f"not an actor's call: {question}"

        def call_and_watch() -> Reply:
            reply = call()
            self.watch(question)
            return reply

        command = question[0][0] if isinstance(question[0], tuple) else question[0]
        if command in self.quiet:
            return self._tape.note(question, call)
        return self._tape.ask(question, call_and_watch, lost)

    def note(self, what: str, look: Callable[[], Reply]) -> Reply:
        """Read something outside for the actor whose program runs; it gets the same whenever it is replayed."""
        assert self._tape is not None, f"no actor looks at {what}"
        return self._tape.note((what,), look)

    # ------------------------------------------------------------------------------------------------ programs

    def actor(self, name: str, program: Callable[[], object]) -> Actor:
        """Return an actor that is about to run `program`."""

        def play(tape: Tape) -> object:
            # A process' cache of the market is on no tape, so each replay starts without one.
            self._tape, self.venue = tape, self._open_venue()
            try:
                return program()
            finally:
                self._tape = None

        return Actor(name, play)

    def reader(self, mapping: EventSourceMapping, partition: str, trouble: str = "") -> Actor:
        """Return an actor that reads new records of a stream and handles them."""

        streams = self.streams[partition]

        def work() -> None:
            function = self._function(mapping, partition, trouble)
            function._recovered_to = None
            reading = function.reading
            assert reading
            own = mapping.own_poller
            function.handle(streams.read_new(reading, block_ms=None) if own else streams.turn([reading]).entries)
            self._finish(function, streams)

        return self.actor(f"{mapping.function} on {partition}", work)

    def recoverer(self, mapping: EventSourceMapping, partition: str, trouble: str = "") -> Actor:
        """Return an actor that handles the records of a stream that others read and did not acknowledge."""

        def work() -> None:
            self._finish(self._function(mapping, partition, trouble), self.streams[partition])

        return self.actor(f"{mapping.function} taking {partition} over", work)

    @staticmethod
    def _finish(function: MappedFunction, streams: Streams) -> None:
        """Let a function do all that waits, without waiting: what could happen meanwhile happens between its calls."""
        while True:
            if function.done:
                streams.turn([], done=[function.done])
                function.acknowledged()
            if function.reading:
                return
            function.resume()

    def timekeeper(self, partition: str) -> Actor:
        """Return an actor that promotes the messages that are due."""
        names = sorted({mapping.stream for mapping, of in self.bindings() if of == partition})
        return self.actor(f"timers of {partition}", lambda: self.streams[partition].turn([], timers_of=names))

    def redriver(self, letter: DeadLetter) -> Actor:
        """Return an actor that redrives a dead letter, as a person would."""

        def work() -> bool:
            try:
                DeadLetters(self.taped, list(self.streams)).redrive(letter)
            except RejectedError:
                return False
            return True

        return self.actor(f"redriving {letter.name}", work)

    def creator(self, new: NewOrder) -> Actor:
        """Return an actor that creates an order; its result is the front door's."""
        work = self._front_door(
            lambda client: Intake(client, PARTITIONS, ROOM, AsyncReplication(client, 0)).create(new)
        )
        return self.actor("a creator", work)

    def subscriber(self, subscription: Subscription) -> Actor:
        """Return an actor that subscribes to an order's statuses, or unsubscribes."""
        work = self._front_door(lambda client: Subscriptions(client, PARTITIONS).add(subscription))
        return self.actor("a subscriber", work)

    def canceller(self, order_id: str, account: str) -> Actor:
        """Return an actor of an account that cancels an order; its result is what became of that."""

        def work() -> TakenBack:
            return take_back_each(self.orders, [order_id], Status.CANCELLED, clock.now_ms(), account)[order_id]

        return self.actor("a canceller", work)

    def amender(self, order_id: str, account: str, amendment: Amendment) -> Actor:
        """Return an actor of an account that amends an order, if it may be amended so; its result is the order then."""

        def work() -> Order | None:
            with suppress(ProblemError, RetryableError):
                return _amend(order_id, account, amendment, in_ledger=False)
            return None

        return self.actor("an amender", work)

    def waiter(self, for_ms: int) -> Actor:
        """Return an actor that lets time pass, by the clock by which orders expire."""

        def work() -> None:
            self.redis_now_ms += for_ms

        return self.actor("a waiter", work)

    def leaver(self, connection_id: str) -> Actor:
        """Return an actor that ends a closed connection's subscriptions."""
        work = self._front_door(lambda client: Subscriptions(client, PARTITIONS).leave(connection_id))
        return self.actor("a leaver", work)

    def own_venue(self) -> MockVenue:
        """Return the venue for the test's own use: its calls are no actor's."""
        return MockVenue(ChainStore(self.client), self.latency, self.replication)

    @property
    def redis_now_ms(self) -> int:
        """What the scripts take for Redis' clock. It is kept there, so that an earlier state has its own."""
        return int(str(self.client.get(NOW)))

    @redis_now_ms.setter
    def redis_now_ms(self, now_ms: int) -> None:
        self.client.set(NOW, now_ms)

    def expire_keys(self, within_ms: int) -> None:
        """Delete the keys that expire within a time, as if it had passed."""
        for name, life_ms in Snapshot(self.client).lives_ms.items():
            if life_ms >= 0 and self._life_ms(life_ms) < within_ms:
                self.client.delete(name)

    def _life_ms(self, by_redis_ms: int) -> int:
        """Return how long a key lives by the world's clocks, from how long it does by Redis' own."""
        return by_redis_ms - self._ahead_ms if by_redis_ms > self._ahead_ms // 2 else by_redis_ms

    def reprice(self, sol: float) -> None:
        """Have the fair price of SOL be another from the next slot on."""
        fair = msgspec.json.decode(str(self.client.get(chain_key("fair")) or "{}")) or opening_prices()
        self.client.set(chain_key("fair"), msgspec.json.encode(fair | {"SOL": sol}))

    def _note_now(self) -> int:
        return self.note("Redis' clock", lambda: self.redis_now_ms)

    def _open_venue(self) -> MockVenue:
        launch_every = CALENDAR.every if self.start_slot else 0
        return MockVenue(Chain(self.taped, self._note_now, launch_every), self.latency, self.replication)

    def _function(self, mapping: EventSourceMapping, partition: str, trouble: str) -> MappedFunction:
        destination = FailureDestination(OrderEnder(self.orders, self.venue))
        return MappedFunction(mapping, self.streams[partition], self._invoke(trouble), destination, lambda: 0.0)

    def _invoke(self, trouble: str) -> Invoke:
        def invoke(function: str, event: dict[str, Any]) -> Any:
            if trouble == RAISES:
                raise FunctionError("it raised")
            try:
                response = self.handlers[function](event, None)
            except RetryableError:
                raise
            except Exception as error:
                self.bugs.append(f"{function} raised {error!r}")
                raise FunctionError(str(error)) from error
            for item in response["batchItemFailures"]:
                if not item["error"].startswith("RetryableError"):
                    self.bugs.append(f"{function} reported {item['error']}")
            if trouble == TIMES_OUT:
                raise FunctionError("it timed out")
            if trouble == REPORTS:
                return {"batchItemFailures": [{"itemIdentifier": event["Records"][-1]["messageId"]}]}
            return response

        return invoke

    def _front_door(self, work: Callable[[Any], Coroutine[Any, Any, object]]) -> Callable[[], object]:
        return lambda: self.loop.run_until_complete(work(AsyncFace(self.taped)))
