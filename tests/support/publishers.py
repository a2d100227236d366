"""The publishers of a real Redis' partitions, driven by hand: batches in, what each connection is sent of them out."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
import redis

from functions.publish_status.handler import publish_status
from local.gateway.connections import Connection
from local.gateway.ordering import Ordering, Verdict
from orderflow.adapters.channels import ChannelRequest, Channels
from orderflow.adapters.feeds import ORDERS, Feeds
from orderflow.adapters.keys import order_partitions, partition_of
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.replication import Replication
from orderflow.adapters.sockets import Message, Sent
from orderflow.adapters.streams import Entry, Reading, Streams
from orderflow.adapters.subscriptions import Added, Subscriptions
from orderflow.adapters.tallies import Tallies
from orderflow.adapters.watchers import GROUP, MAX_WATCHERS, Watchers
from orderflow.domain.order import Order, OrderId
from orderflow.runtime import clients
from orderflow.runtime.batch import Failures, StreamRecord
from tests.support.order_steps import NOW_MS, a_request, pending
from tests.support.redis_servers import RedisServer, opened_async

PARTITIONS = 2
NAMES = order_partitions(PARTITIONS)
ACME = "acme"


class MemoryGateway:
    """Sockets that are open as soon as something is sent to them, but for the `closed` ones; ordered as at the gateway.

    With `ordered` False it passes everything on, as API Gateway does.
    """

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.ordered = True
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.posts = 0
        self._ordering = Ordering()
        self._open: dict[str, Connection] = {}

    def send(self, messages: Sequence[Message]) -> Sent:
        self.posts += 1
        sent = Sent([], [])
        for message in messages:
            if message.connection_id in self.closed:
                sent.gone.append(message)
                continue
            # The ordering only remembers connections; it asks nothing of them.
            connection = self._open.setdefault(message.connection_id, cast("Connection", _Socket()))
            verdict = self._ordering.decide(connection, message) if self.ordered else Verdict.PASS
            if verdict is Verdict.OUT_OF_ORDER:
                sent.out_of_order.append(message)
            elif verdict is Verdict.PASS:
                self.frames.setdefault(message.connection_id, []).append(json.loads(message.text))
        return sent

    def of(self, connection: str) -> list[dict[str, Any]]:
        """Return the frames that a connection got."""
        return self.frames.get(connection, [])

    def sequences(self, connection: str) -> list[int]:
        """Return the sequences of the events that a connection got of its feed."""
        return [frame["sequence"] for frame in self.of(connection) if "event" in frame]

    def steps(self, connection: str) -> list[tuple[str, int]]:
        """Return the order and the step of each event that a connection got of its feed."""
        events = [frame["event"] for frame in self.of(connection) if "event" in frame]
        return [(event["order_id"], event["sequence"]) for event in events]


class _Socket:
    """Stands for a connection."""


class Publishers:
    """publish_status on each partition, and what is asked of it."""

    def __init__(self, server: RedisServer, client: redis.Redis, patch: pytest.MonkeyPatch) -> None:
        self.gateway = MemoryGateway()
        self.orders = Orders(client, PARTITIONS)
        self.max_watchers = MAX_WATCHERS
        self._server = server
        self.client = client
        self.streams = {name: Streams(client, name) for name in NAMES}
        for streams in self.streams.values():
            streams.create_group("status", GROUP)
        replication = Replication(client, 0)
        patch.setattr(clients, "replication", lambda: replication)
        patch.setattr(clients, "watchers", lambda: Watchers(client))
        patch.setattr(clients, "feeds", lambda: Feeds(client, PARTITIONS, replication, self.max_watchers))
        patch.setattr(clients, "sockets", lambda: self.gateway)
        patch.setattr(clients, "tallies", lambda: Tallies(client))

    def take(self, *steps: Order) -> None:
        """Have orders take steps."""
        self.orders.apply([Transition(step) for step in steps])

    def new_order(self, partition: str = "", account: str = ACME) -> Order:
        """Create an order, in a partition if one is given."""
        while True:
            order = Order.accept(OrderId(pending().order_id), a_request(), NOW_MS, account=account)
            if not partition or partition_of(order.order_id, PARTITIONS) == partition:
                self.take(order)
                return order

    def ask(self, connection: str, action: str = "subscribe", resume: int | None = None, account: str = ACME) -> Added:
        """Ask for an account's feed, as watch_order does."""

        async def add() -> Added:
            async with opened_async(self._server) as client:
                channels = Channels(client, PARTITIONS, Subscriptions(client, PARTITIONS))
                return await channels.add(ChannelRequest(ORDERS, account, connection, action, resume))

        return asyncio.run(add())

    def leave(self, connection: str) -> None:
        """End what a connection watches, as watch_order does when it is closed."""

        async def leave() -> None:
            async with opened_async(self._server) as client:
                await Subscriptions(client, PARTITIONS).leave(connection)

        asyncio.run(leave())

    def subscribe(self, connection: str, resume: int | None = None, account: str = ACME) -> dict[str, Any]:
        """Ask for an account's feed, publish all there is, and return the answer."""
        before = len(self.gateway.of(connection))
        self.ask(connection, resume=resume, account=account)
        self.drain()
        return self.gateway.of(connection)[before]

    def read(self, partition: str, count: int = 100) -> list[Entry]:
        """Hand a publisher the next entries of its partition."""
        return self.streams[partition].read_new(Reading("status", GROUP, count), None)

    def publish(self, partition: str, entries: Sequence[Entry]) -> None:
        """Have entries published; raises what the function raises, also of a single record."""
        failures = Failures(GROUP)
        records = [
            StreamRecord(
                messageId=entry.id,
                eventSource="",
                stream="status",
                partition=partition,
                attempt=entry.attempt,
                data=entry.data,
            )
            for entry in entries
        ]
        publish_status(records, failures)
        assert failures.items == []

    def acknowledge(self, partition: str, entries: Sequence[Entry]) -> None:
        """Forget entries that are published."""
        self.streams[partition].acknowledge("status", GROUP, [entry.id for entry in entries])

    def drain(self) -> None:
        """Publish and acknowledge until nothing is left, timers too; what is in hand first, as a lease holder does."""
        while sum(self._turn(name) for name in NAMES):
            pass

    def _turn(self, name: str) -> bool:
        streams = self.streams[name]
        timers = f"{{{name}}}:timers"
        for member in cast("list[str]", self.client.zrange(timers, 0, -1)):
            self.client.zadd(timers, {member: 0})  # no test waits for a pause
        streams.turn([], timers_of=["status"])
        entries = streams.read_pending("status", GROUP, 100) or self.read(name)
        self.publish(name, entries)
        self.acknowledge(name, entries)
        return bool(entries)
