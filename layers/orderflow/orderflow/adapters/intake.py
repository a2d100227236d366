"""What the front door asks of Redis, for asyncio: create an order, once, if there is room for it."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import Enum
from hashlib import sha256
from uuid import UUID

import msgspec
from redis import RedisError
from redis.asyncio import Redis, RedisCluster

from orderflow.adapters import scripts
from orderflow.adapters.call_batcher import CallBatcher
from orderflow.adapters.capacity import Capacity, LimitExceeded, Limits
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import key, order_key, order_partitions, partition_of
from orderflow.adapters.partition_count import AsyncPartitionCount
from orderflow.adapters.replication import AsyncReplication, ReplicatedWrite, transition_written
from orderflow.domain.lifecycle import STREAMS, first_stream
from orderflow.domain.order import Order, OrderId, step_of
from orderflow.domain.venue import Load
from orderflow.errors import OrderflowError, OverloadedError

KEEP_IDEMPOTENCY_S = 24 * 60 * 60
KEEP_FORMER_S = 10 * 60
"""How long a record is kept in the form of the version before as well, which may serve beside this one while this one
is deployed, or again after it."""
SHORT_ID = 22
"""The length of an id in a record: its bytes in base64."""
# What create.lua says of an order; 0 is what it says when the same call was sent before.
_MADE, _REUSED, _RESTING, _OVER = (1, 0), -1, -3, -4
_FAILURES = (OrderflowError, RedisError, OSError)
"""What an order may fail with, and the others of its batch not."""
# `status` is counted by memory alone, so that trading goes on without Postgres.
_SHARED_KEYS = ("timers", "wakes", "status", *STREAMS)


class Conflict(Enum):
    """Why an order with an idempotency key is not made: the key was used with another request, or its time is over."""

    KEY_REUSED = "key reused"
    IS_OVER = "is over"


class NewOrder(msgspec.Struct, frozen=True):
    """An order to create. `idempotency_key` names its idempotency record, `fingerprint` what the record stands for.

    One that `is_over`, since it would have expired by now, is not created; it may have been before.
    """

    order: Order
    idempotency_key: str = ""
    fingerprint: str = ""
    is_over: bool = False


class Intake:
    """Where orders come in. Concurrent ones of a partition share a trip."""

    def __init__(
        self,
        client: Redis | RedisCluster,
        partitions: int,
        limits: Limits,
        replication: AsyncReplication,
        keep_idempotency_s: int = KEEP_IDEMPOTENCY_S,
        venue_load: Callable[[], Load | None] = lambda: None,
    ) -> None:
        self.partitions = partitions
        self._limits = limits
        self._replication = replication
        self._partition_count = AsyncPartitionCount(client, partitions)
        self._keep_s = keep_idempotency_s
        self._capacity = Capacity(client, partitions, limits, venue_load)
        self._create = client.register_script(scripts.source("create"))
        self._batchers = {
            name: CallBatcher(self._create_all(name), f"orders for {name}") for name in order_partitions(partitions)
        }

    async def create(self, new: NewOrder) -> OrderId | Conflict:
        """Create an order and start it on its way, or find that its idempotency key was used.

        Returns the id of the order that stands for the request: the new one's, or the first one's when the same
        request came before. When this returns the order is durable. Raises OverloadedError when there is no room for
        the order, which then does not exist; RetryableError and redis' errors when that is not known;
        ConfigurationError when this Redis is used with another number of partitions.
        """
        await self._partition_count.hold()
        return self._answer(new, await self._send(new, await self._capacity.exceeded_limit()))

    async def create_each(self, news: Sequence[NewOrder]) -> list[OrderId | Conflict | Exception]:
        """Create many orders, each by itself, in one trip to each partition.

        Returns for each what `create` returns or raises; those of one partition are created in the order of `news`.
        """
        try:
            await self._partition_count.hold()
        except _FAILURES as error:
            return [error] * len(news)
        exceeded = await self._capacity.exceeded_limit()
        sent = [self._send(new, exceeded) for new in news]
        await asyncio.gather(*sent, return_exceptions=True)
        return [self._answer_or_failure(new, outcome) for new, outcome in zip(news, sent, strict=True)]

    def _send(self, new: NewOrder, exceeded: LimitExceeded | None) -> asyncio.Future[int | str]:
        if exceeded and not new.idempotency_key:
            refused: asyncio.Future[int | str] = asyncio.get_running_loop().create_future()
            refused.set_exception(OverloadedError(*exceeded))
            return refused
        return self._batchers[partition_of(new.order.order_id, self.partitions)].add(new)

    def _answer_or_failure(self, new: NewOrder, outcome: asyncio.Future[int | str]) -> OrderId | Conflict | Exception:
        try:
            return self._answer(new, outcome.result())
        except _FAILURES as error:
            return error

    def _answer(self, new: NewOrder, outcome: int | str) -> OrderId | Conflict:
        if outcome in _MADE:
            return new.order.order_id
        if outcome == _REUSED:
            return Conflict.KEY_REUSED
        if outcome == _OVER:
            return Conflict.IS_OVER
        if first := _made_before(outcome):
            return first
        raise self._refusal(partition_of(new.order.order_id, self.partitions), outcome)

    def _refusal(self, partition: str, outcome: int | str) -> OverloadedError:
        if self._capacity.exceeded:
            return OverloadedError(*self._capacity.exceeded)
        if isinstance(outcome, str):
            return OverloadedError("MAX_LAG", f"{partition}:{outcome}")
        if outcome == _RESTING:
            return OverloadedError("MAX_RESTING", partition)
        return OverloadedError("MAX_IN_FLIGHT", partition)

    def _create_all(self, partition: str) -> Callable[[Sequence[NewOrder]], Awaitable[list[int | str]]]:
        shared = [key(partition, name) for name in _SHARED_KEYS]

        async def create_all(news: Sequence[NewOrder]) -> list[int | str]:
            # Without capacity a trip only finds the orders that were made before.
            max_lag = 0 if self._capacity.exceeded else self._limits.max_lag
            keys = list(shared)
            arguments: list[str | bytes | int] = [self._keep_s, max_lag, self._limits.max_in_flight]
            arguments += [KEEP_FORMER_S, self._limits.max_resting, len(STREAMS), *STREAMS]
            for new in news:
                order = new.order
                keys.append(order_key(partition, order.order_id))
                stream = first_stream(order.status, waits=order.request.waits) or ""
                step = b"" if new.is_over else encoder.encode(step_of(order))
                arguments += [order.order_id, step, stream, new.fingerprint]
                if new.fingerprint:
                    keys += _record_keys(partition, new)
                    arguments.append(_record(new))
            outcomes: list[int | str] = await self._create(keys, arguments)
            await self._replication.wait_for(self._kept(partition, news, outcomes))
            return outcomes

        return create_all

    def _kept(
        self, partition: str, news: Sequence[NewOrder], outcomes: Sequence[int | str]
    ) -> Iterator[ReplicatedWrite]:
        """Yield what must not be lost of a trip: the orders that it made, the records by which it found others."""
        for new, outcome in zip(news, outcomes, strict=True):
            if outcome in _MADE:
                yield transition_written(new.order, self.partitions)
            elif _made_before(outcome):
                record_key, former_key = _record_keys(partition, new)
                ours = len(str(outcome)) == SHORT_ID
                yield ReplicatedWrite(partition, record_key if ours else former_key, least=1)


def _made_before(outcome: int | str) -> OrderId | None:
    """Return the id in an outcome, which is short when it is from a record of this version's."""
    if isinstance(outcome, int) or outcome in STREAMS:
        return None
    return OrderId(str(UUID(bytes=urlsafe_b64decode(f"{outcome}==")))) if len(outcome) == SHORT_ID else OrderId(outcome)


def _record_keys(partition: str, new: NewOrder) -> tuple[str, str]:
    """Return where the record of an order's name is kept: short, since there is one for each name for a day.

    The second one is that of the version before.
    """
    short = _short(sha256(new.idempotency_key.encode()).digest()[:16])
    return key(partition, f"i:{short}"), key(partition, f"idempotency:{new.idempotency_key}")


def _record(new: NewOrder) -> str:
    """Return what is kept under an order's name: its id, then 48 bits by which its request differs from others."""
    return _short(UUID(new.order.order_id).bytes) + _short(sha256(new.fingerprint.encode()).digest()[:6])


def _short(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
