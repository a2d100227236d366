"""The event source: holds the leases of its share of the partitions, and runs every mapping on each of them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec

import redis

from orderflow.adapters.leases import LEASE_MS, Leases
from orderflow.adapters.partition_count import hold_partition_count
from orderflow.adapters.streams import Streams
from orderflow.event_source.failure_destination import EndOrder, FailureDestination
from orderflow.event_source.held_partition import HeldPartition
from orderflow.event_source.invoke import Invoke
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from orderflow.runtime.logging import get_logger

RENEW_S = LEASE_MS / 4 / 1000
DRAIN_S = 2.5
HEARTBEAT_FIRST_S = 0.3

P = ParamSpec("P")

logger = get_logger("event_source")


def threads_of(mappings: Sequence[EventSourceMapping], partitions: int) -> int:
    """Return how many threads an event source that holds all partitions has at most: one for each mapping of each, when
    all functions were slow or share none, and one for its timers.
    """
    return len(partitions_of(mappings, partitions)) * (len(mappings) + 1)


def connections_of(mappings: Sequence[EventSourceMapping], partitions: int) -> int:
    """Return how many connections to Redis it needs: one for each thread, for the leases, the lags and a scrape."""
    return threads_of(mappings, partitions) + 3


class EventSource:
    """Redis Streams as an event source for functions.

    `invoke` runs a function; `end_order` ends the order of a record that is given up. `name` is this event source's own
    among those that share the partitions: as many as `partitions` that orders lie in, and those that mappings have of
    their own. When it stops, the batches under way have `drain_s` seconds to finish. With `share_pollers`, functions of
    a partition are invoked one after the other where their mappings allow it. That is for functions that compute in
    this process; invocations of Lambda would wait for each other.
    """

    def __init__(
        self,
        client: redis.Redis,
        mappings: Sequence[EventSourceMapping],
        invoke: Invoke,
        *,
        end_order: EndOrder,
        partitions: int,
        name: str,
        drain_s: float = DRAIN_S,
        share_pollers: bool = False,
    ) -> None:
        self._client = client
        self._partition_count = partitions
        self._drain_s = drain_s
        self._share_pollers = share_pollers
        self._mappings = mappings
        self._invoke = invoke
        self._leases = Leases(client, name)
        self._failure_destination = FailureDestination(end_order)
        self._name = name
        self._all = partitions_of(mappings, partitions)
        self._held: dict[str, HeldPartition] = {}
        self._members = 1
        self._agreed = False
        self._unavailable = ""
        self.renewed_at = float("-inf")
        """When the leases were last renewed, on the monotonic clock."""

    @property
    def partitions(self) -> list[str]:
        """The partitions whose leases this event source holds."""
        return list(self._held)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then finish the batches under way and release the partitions.

        Raises ConfigurationError when this Redis is used with another number of partitions.
        """
        # Event sources that start together should know of each other before they take their shares.
        self._try(self._heartbeat)
        stop.wait(HEARTBEAT_FIRST_S)
        while not stop.is_set():
            self.rebalance()
            self._log_unavailable()
            stop.wait(RENEW_S)
        self.close()

    def rebalance(self) -> None:
        """Renew the leases held, take free ones up to a fair share, and give back those above it.

        Nothing here waits for a function: a lease must be renewed however long the batches under way take. Nor does one
        node of Redis that is unavailable keep the leases on the others from being renewed. None is taken before Redis
        has confirmed that its orders lie in as many partitions.
        """
        for held in self._held.values():
            held.relieve()
        self._try(self._heartbeat)
        if not self._agreed:
            return
        self._renew_all()
        share = -(-len(self._all) // self._members)
        for held in list(self._held.values())[share:]:
            held.stop.set()
        self._try(self._release_finished)
        for partition in self._all:
            if partition not in self._held and len(self._held) < share:
                self._try(self._take, partition)

    def _heartbeat(self) -> None:
        # Each time, since the Redis may be another one by now; it is one small read a second.
        hold_partition_count(self._client, self._partition_count)
        self._agreed = True
        self._members = len(self._leases.members())
        self.renewed_at = time.monotonic()

    def _renew_all(self) -> None:
        for partition in list(self._held):
            self._try(self._renew, partition)

    def _renew(self, partition: str) -> None:
        if not self._leases.hold(partition):
            logger.warning("lease lost", extra={"partition": partition})
            self._held.pop(partition).stop.set()

    def _take(self, partition: str) -> None:
        if self._leases.hold(partition):
            self._start(partition)

    def close(self) -> None:
        """Finish the batches under way and release every partition; one that takes too long keeps its lease."""
        for held in self._held.values():
            held.stop.set()
        deadline = time.monotonic() + self._drain_s
        renew_at = time.monotonic() + RENEW_S
        while self._held and time.monotonic() < deadline:
            self._try(self._release_finished)
            if time.monotonic() > renew_at:
                # So that no other event source begins on a batch that is being finished here.
                self._renew_all()
                renew_at += RENEW_S
            time.sleep(0.01)
        self._try(self._leases.leave)

    def _start(self, partition: str) -> None:
        mappings = [mapping for mapping in self._mappings if mapping.is_on(partition)]
        streams = Streams(self._client, partition)
        # Every group of a stream must exist before any of them reads: entries are kept only for groups that exist.
        for mapping in mappings:
            streams.create_group(mapping.stream, mapping.function)
        logger.info("partition taken", extra={"partition": partition, "owner": self._name})
        self._held[partition] = HeldPartition(
            streams, mappings, self._invoke, self._failure_destination, share=self._share_pollers
        )

    def _try(self, step: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        try:
            step(*arguments, **named)
        except (redis.RedisError, OSError) as error:
            self._unavailable = str(error)

    def _log_unavailable(self) -> None:
        """Write one line for all calls to Redis that have failed, however many partitions it concerned."""
        if self._unavailable:
            logger.warning("redis is unavailable", extra={"owner": self._name, "error": self._unavailable})
            self._unavailable = ""

    def _release_finished(self) -> None:
        """Release the partitions whose threads have stopped and finished."""
        for partition in [partition for partition, held in self._held.items() if held.has_finished()]:
            del self._held[partition]
            self._leases.release(partition)  # should Redis be unavailable just now, the lease runs out by itself
