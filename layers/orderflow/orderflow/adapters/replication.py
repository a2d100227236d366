"""Waits until Redis' replicas have what was written, so that no failover loses it; costs nothing unless configured.

Redis replicates in order but without being waited for, and a replica that takes over may lack the last of what its
primary did. So a small write to the partition's primary is followed, on the same connection, by WAIT: a replica that
has it has all that the primary wrote before. The same call checks that what was written is still there, since the
primary may be another by now, and the last writes of the former one be lost (decision 0028).
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import redis
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters import scripts
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.redis_cluster import AsyncCluster, Cluster, on_one_async_connection, on_one_connection
from orderflow.domain.order import Order
from orderflow.errors import RetryableError

TIMEOUT_MS = 1000


class ReplicatedWrite(msgspec.Struct, frozen=True):
    """Something written in a partition, and how to check that it is there.

    `key` exists; the number in its `field` is at least `least`, or a text there, and without a field its string, at
    least that long. Without a key nothing is checked.
    """

    partition: str
    key: str = ""
    field: str = ""
    least: int = 0


def transition_written(order: Order, partitions: int) -> ReplicatedWrite:
    """Return the write of an order's step: the order is at that step or a later one."""
    return step_written(order.order_id, order.sequence, partitions)


def step_written(order_id: str, sequence: int, partitions: int) -> ReplicatedWrite:
    """Return the write of a step: the order is at that step or a later one."""
    partition = partition_of(order_id, partitions)
    return ReplicatedWrite(partition, order_key(partition, order_id), "sequence", sequence)


def end_requested(order: Order, partitions: int) -> ReplicatedWrite:
    """Return the write of the end that was requested of an order."""
    partition = partition_of(order.order_id, partitions)
    return ReplicatedWrite(partition, order_key(partition, order.order_id), "ending", least=1)


class Replication:
    """The replicas of every partition; nothing counts as kept before `min_replicas` have it."""

    def __init__(self, client: redis.Redis | Cluster, min_replicas: int) -> None:
        self._client = client
        self._min_replicas = min_replicas

    def wait_for(self, written: Iterable[ReplicatedWrite]) -> None:
        """Return when enough replicas have what was written.

        Raises RetryableError when they do not in time, or when a failover has lost it: do the same work again.
        """
        if not self._min_replicas:
            return
        for partition, of_partition in _by_partition(written).items():
            at, commands = _barrier(partition, of_partition, self._min_replicas)
            try:
                if isinstance(self._client, Cluster):
                    missing, replicas = self._client.on_one_connection(at, commands)
                else:
                    missing, replicas = on_one_connection(self._client, commands)
            except (redis.RedisError, OSError) as error:
                raise _unanswered(partition, error) from error
            _check(partition, missing, replicas, self._min_replicas)


class AsyncReplication:
    """The replicas of every partition, for asyncio."""

    def __init__(self, client: AsyncRedis | AsyncCluster, min_replicas: int) -> None:
        self._client = client
        self._min_replicas = min_replicas

    async def wait_for(self, written: Iterable[ReplicatedWrite]) -> None:
        """Return when enough replicas have what was written; raises as Replication does."""
        if not self._min_replicas:
            return
        for partition, of_partition in _by_partition(written).items():
            at, commands = _barrier(partition, of_partition, self._min_replicas)
            try:
                if isinstance(self._client, AsyncCluster):
                    missing, replicas = await self._client.on_one_connection(at, commands)
                else:
                    missing, replicas = await on_one_async_connection(self._client, commands)
            except (redis.RedisError, OSError) as error:
                raise _unanswered(partition, error) from error
            _check(partition, missing, replicas, self._min_replicas)


def _by_partition(written: Iterable[ReplicatedWrite]) -> dict[str, list[ReplicatedWrite]]:
    by_partition: dict[str, list[ReplicatedWrite]] = {}
    for one in written:
        by_partition.setdefault(one.partition, []).append(one)
    return by_partition


def _barrier(partition: str, written: Iterable[ReplicatedWrite], replicas: int) -> tuple[str, list[list[Any]]]:
    """Return the barrier's key and commands. They hold the script's text, since a new primary has not loaded it yet."""
    at = key(partition, "barrier")
    sought = [one for one in written if one.key]
    keys = [at, *(one.key for one in sought)]
    arguments = [part for one in sought for part in (one.field, one.least)]
    return at, [
        ["EVAL", scripts.source("barrier"), len(keys), *keys, *arguments],
        ["WAIT", replicas, TIMEOUT_MS],
    ]


def _unanswered(partition: str, error: redis.RedisError | OSError) -> RetryableError:
    return RetryableError(f"the replicas of {partition} can't be asked: {type(error).__name__}: {error}")


def _check(partition: str, missing: str, replicas: int, wanted: int) -> None:
    if missing:
        raise RetryableError(f"a failover of {partition} took {missing} back")
    if replicas < wanted:
        raise RetryableError(f"{replicas} of {wanted} replicas have what was written to {partition}")
