"""What a socket asks of Redis, for asyncio: an order's statuses. Concurrent calls share a trip."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from redis.asyncio import Redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.partition_count import AsyncPartitionCount
from orderflow.adapters.together import Together

# An order that expires sooner may be gone when its subscription's turn comes; the ledger has it by then.
LEAST_LIFE_MS = 10_000


class Subscription(msgspec.Struct, frozen=True):
    """A connection that wants (`subscribe`) or no longer wants (`unsubscribe`) the statuses of an order."""

    order_id: str
    connection_id: str
    action: str


class Subscriptions:
    """The subscriptions to every partition's orders."""

    def __init__(self, client: Redis, partitions: int) -> None:
        self._partitions = partitions
        self._partition_count = AsyncPartitionCount(client, partitions)
        self._subscribe = client.register_script(scripts.source("subscribe"))
        names = [f"p{number}" for number in range(partitions)]
        self._trips = {name: Together(self._add_all(name), f"subscriptions of {name}") for name in names}

    async def add(self, subscription: Subscription) -> bool:
        """Queue a subscription behind the events so far; False when Redis does not hold the order (any longer).

        Raises ConfigurationError when this Redis is used with another number of partitions.
        """
        await self._partition_count.hold()
        partition = partition_of(subscription.order_id, self._partitions)
        return await self._trips[partition].add(subscription)

    def _add_all(self, partition: str) -> Callable[[Sequence[Subscription]], Awaitable[list[bool]]]:
        async def add_all(subscriptions: Sequence[Subscription]) -> list[bool]:
            keys = [key(partition, "status")]
            arguments: list[str | int] = [LEAST_LIFE_MS]
            for asked in subscriptions:
                keys.append(order_key(partition, asked.order_id))
                arguments += [asked.order_id, asked.connection_id, asked.action]
            return [outcome == 1 for outcome in await self._subscribe(keys, arguments)]

        return add_all
