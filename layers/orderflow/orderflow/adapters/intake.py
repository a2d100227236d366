"""What the front door asks of Redis, for asyncio: create an order, subscribe to one. Concurrent calls share a trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Generic, TypeVar

import msgspec
from redis.asyncio import Redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.domain.order import Order, OrderId, event_of

KEEP_IDEMPOTENCY_S = 24 * 60 * 60
FIRST_STREAM = "route"

# An order that expires sooner may be gone when its subscription's turn comes; the ledger has it by then.
LEAST_LIFE_MS = 10_000
MOST_PER_TRIP = 200

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class Conflict(Enum):
    """The idempotency key was used before, with another request."""

    KEY_REUSED = "key reused"


class NewOrder(msgspec.Struct, frozen=True):
    """An order to create. `idempotency_key` names its idempotency record, `fingerprint` what the record stands for."""

    order: Order
    idempotency_key: str = ""
    fingerprint: str = ""


class Subscription(msgspec.Struct, frozen=True):
    """A connection that wants (`subscribe`) or no longer wants (`unsubscribe`) the statuses of an order."""

    order_id: str
    connection_id: str
    action: str


class Intake:
    """The asynchronous side of the order store."""

    def __init__(self, client: Redis, partitions: int) -> None:
        self.partitions = partitions
        self._create = client.register_script(scripts.source("create", "deliver"))
        self._subscribe = client.register_script(scripts.source("subscribe"))
        names = [f"p{number}" for number in range(partitions)]
        self._creations = {name: Together(self._create_all(name)) for name in names}
        self._subscriptions = {name: Together(self._subscribe_all(name)) for name in names}

    async def create(self, new: NewOrder) -> OrderId | Conflict:
        """Create an order and start it on its way, or find that its idempotency key was used.

        Returns the id of the order that stands for the request: the new one's, or the first one's when the same
        request came before. When this returns the order is durable. Raises redis' errors when that is not known.
        """
        partition = partition_of(new.order.order_id, self.partitions)
        outcome = await self._creations[partition].add(new)
        if outcome == -1:
            return Conflict.KEY_REUSED
        return new.order.order_id if outcome == 1 else OrderId(str(outcome))

    async def subscribe(self, subscription: Subscription) -> bool:
        """Queue a subscription behind the events so far; False when Redis does not hold the order (any longer)."""
        partition = partition_of(subscription.order_id, self.partitions)
        return await self._subscriptions[partition].add(subscription)

    def _create_all(self, partition: str) -> Callable[[Sequence[NewOrder]], Awaitable[list[int | str]]]:
        shared = [key(partition, name) for name in ("timers", "wake", "status", FIRST_STREAM)]

        async def create_all(news: Sequence[NewOrder]) -> list[int | str]:
            keys = list(shared)
            arguments: list[str | bytes | int] = [FIRST_STREAM, KEEP_IDEMPOTENCY_S]
            for new in news:
                order = new.order
                keys.append(order_key(partition, order.order_id))
                keys.append(key(partition, f"idempotency:{new.idempotency_key}"))
                arguments += [
                    order.order_id,
                    encoder.encode(event_of(order)),
                    encoder.encode(order),
                    new.fingerprint,
                ]
            outcomes: list[int | str] = await self._create(keys, arguments)
            return outcomes

        return create_all

    def _subscribe_all(self, partition: str) -> Callable[[Sequence[Subscription]], Awaitable[list[bool]]]:
        async def subscribe_all(subscriptions: Sequence[Subscription]) -> list[bool]:
            keys = [key(partition, "status")]
            arguments: list[str | int] = [LEAST_LIFE_MS]
            for asked in subscriptions:
                keys.append(order_key(partition, asked.order_id))
                arguments += [asked.order_id, asked.connection_id, asked.action]
            return [outcome == 1 for outcome in await self._subscribe(keys, arguments)]

        return subscribe_all


class Together(Generic[Item, Reply]):
    """Groups concurrent calls: while one trip is under way, what arrives waits and then travels together."""

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[list[Reply]]]) -> None:
        self._send = send
        self._boarding: list[Item] = []
        self._trip: asyncio.Task[list[Reply]] | None = None
        self._open = False

    async def add(self, item: Item) -> Reply:
        """Send `item` with the next trip and return its reply; raise what the trip raised."""
        if self._trip is None or not self._open or len(self._boarding) >= MOST_PER_TRIP:
            self._boarding = []
            self._open = True
            self._trip = asyncio.create_task(self._travel(self._boarding, self._trip))
        trip, seat = self._trip, len(self._boarding)
        self._boarding.append(item)
        # One caller that is cancelled must not take the others' trip with it.
        replies = await asyncio.shield(trip)
        return replies[seat]

    async def _travel(self, items: list[Item], previous: asyncio.Task[list[Reply]] | None) -> list[Reply]:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        if items is self._boarding:
            self._open = False
        return await self._send(items)
