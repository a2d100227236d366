"""Subscribes connections to orders, for asyncio: a request in, its outcome out. Concurrent requests share a call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from orderflow.adapters import scripts
from orderflow.adapters.call_batcher import CallBatcher
from orderflow.adapters.keys import key, order_key, order_partitions, partition_of
from orderflow.adapters.partition_count import AsyncPartitionCount
from orderflow.adapters.watchers import ENDS
from orderflow.domain.access import LOCAL_ACCOUNT

# An order that expires sooner may be gone when its subscription's turn comes; the ledger has it by then.
LEAST_LIFE_MS = 10_000
ANSWER_GAP_MS = 1_000
"""Between two answers of one order to one connection: a few bytes must not fetch kilobytes any number of times."""
MAX_SUBSCRIPTIONS = 1_000
"""Orders, and feeds of channels, that a connection may watch at a time; orders that have ended count no longer."""
KEEP_MS = 3 * 60 * 60 * 1000
"""How long Redis keeps notes about a connection without a new request; on API Gateway none is open for over 2 h."""
MOST_COUNTED = 20_000
"""Connections whose numbers of subscriptions this process remembers."""


class Subscription(msgspec.Struct, frozen=True):
    """A connection that wants (`subscribe`) or no longer wants (`unsubscribe`) the statuses of its account's order."""

    order_id: str
    connection_id: str
    action: str
    account: str = LOCAL_ACCOUNT


class Outcome(IntEnum):
    """What became of a request."""

    ASKED = 1
    """It will be answered from the status stream: at once, or when ANSWER_GAP_MS have passed since the last answer."""
    NOT_HERE = 0
    """Redis does not hold the order (any longer), or it is another account's."""
    TOO_MANY = -1
    AGAIN = -2
    """Redis no longer holds the order, of which the ledger has just answered."""


class Added(NamedTuple):
    """What became of a request; for AGAIN with the milliseconds after which to send it again."""

    outcome: Outcome
    retry_after_ms: int = 0


class _Request(NamedTuple):
    subscription: Subscription
    most: int


class Subscriptions:
    """The subscriptions to every partition's orders."""

    def __init__(self, client: Redis, partitions: int) -> None:
        self._client = client
        self._partition_count = AsyncPartitionCount(client, partitions)
        self._partitions = order_partitions(partitions)
        self._subscribe = client.register_script(scripts.source("subscribe"))
        self._leave = client.register_script(scripts.source("leave"))
        self._batchers = {
            name: CallBatcher(self._add_all(name), f"subscriptions of {name}") for name in self._partitions
        }
        self._leavers = {name: CallBatcher(self._leave_all(name), f"leavers of {name}") for name in self._partitions}
        self._watched: dict[str, dict[str, int]] = {}
        """By connection and partition, how many orders it watches, by the last answer of Redis."""

    async def add(self, asked: Subscription) -> Added:
        """Queue a request behind the events so far, unless the connection watches too many orders already.

        Each partition keeps its own count. The sum is exact where one process serves all of a connection's frames;
        where several do, as on Lambda, it may go beyond MAX_SUBSCRIPTIONS, to so many in each partition. Raises
        ConfigurationError when this Redis is used with another number of partitions.
        """
        await self.check_partitions()
        partition = partition_of(asked.order_id, len(self._partitions))
        added = await self._ask(partition, asked)
        if added.outcome is Outcome.TOO_MANY and len(self._count_of(asked.connection_id)) > 1:
            await self.count_again(asked.connection_id)
            added = await self._ask(partition, asked)
        return added

    async def answered(self, asked: Subscription) -> None:
        """Note that the ledger has answered a subscription."""
        await self.add(msgspec.structs.replace(asked, action="answered"))

    async def leave(self, connection_id: str) -> None:
        """End all subscriptions of a connection that is closed."""
        self._watched.pop(connection_id, None)
        await asyncio.gather(*(leavers.add(connection_id) for leavers in self._leavers.values()))

    async def check_partitions(self) -> None:
        """Raise ConfigurationError when this Redis is used with another number of partitions."""
        await self._partition_count.hold()

    def room(self, connection_id: str, partition: str) -> int:
        """Return how much a connection may watch in a partition, by what it watches in the others."""
        watched = self._count_of(connection_id)
        return MAX_SUBSCRIPTIONS - sum(count for name, count in watched.items() if name != partition)

    def note(self, connection_id: str, partition: str, number: int) -> None:
        """Note how much a connection watches in a partition."""
        self._count_of(connection_id)[partition] = number

    async def count_again(self, connection_id: str) -> None:
        """Learn anew how much a connection watches: of the orders some may have ended meanwhile."""
        watched = self._count_of(connection_id)
        for name in watched:
            watched[name] = int(await self._client.scard(key(name, f"watched:{connection_id}")))

    async def _ask(self, partition: str, asked: Subscription) -> Added:
        room = self.room(asked.connection_id, partition)
        outcome, number = await self._batchers[partition].add(_Request(asked, room))
        if outcome in (Outcome.ASKED, Outcome.TOO_MANY):
            self.note(asked.connection_id, partition, number)
        return Added(Outcome(outcome), number if outcome == Outcome.AGAIN else 0)

    def _count_of(self, connection_id: str) -> dict[str, int]:
        watched = self._watched.setdefault(connection_id, {})
        if len(self._watched) > MOST_COUNTED:
            del self._watched[next(iter(self._watched))]
        return watched

    def _add_all(self, partition: str) -> Callable[[Sequence[_Request]], Awaitable[list[list[int]]]]:
        async def add_all(requests: Sequence[_Request]) -> list[list[int]]:
            keys = [key(partition, name) for name in ("status", "timers", "wakes")]
            arguments: list[str | int] = [LEAST_LIFE_MS, ANSWER_GAP_MS, KEEP_MS, ENDS]
            for asked, most in requests:
                keys += [order_key(partition, asked.order_id), *_keys_of(partition, asked.connection_id)]
                arguments += [asked.order_id, asked.connection_id, asked.action, most, asked.account]
            outcomes: list[list[int]] = await self._subscribe(keys, arguments)
            return outcomes

        return add_all

    def _leave_all(self, partition: str) -> Callable[[Sequence[str]], Awaitable[list[str]]]:
        async def leave_all(connection_ids: Sequence[str]) -> list[str]:
            keys = [key(partition, "status")]
            for connection_id in connection_ids:
                keys += _keys_of(partition, connection_id)
            left: list[str] = await self._leave(keys, list(connection_ids))
            return left

        return leave_all


def _keys_of(partition: str, connection_id: str) -> tuple[str, str]:
    """Return the keys of the orders that a connection watches, and of those that it was answered of just now."""
    return key(partition, f"watched:{connection_id}"), key(partition, f"answered:{connection_id}")
