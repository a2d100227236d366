"""The event source: owns its share of the partitions, and runs every mapping on each of them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec

import redis

from orderflow.adapters.leases import LEASE_MS, Leases
from orderflow.adapters.orders import Orders
from orderflow.adapters.partition_count import hold_partition_count
from orderflow.adapters.replication import Replication
from orderflow.adapters.streams import Streams
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.invoke import Invoke
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from orderflow.event_source.poller import Poller
from orderflow.event_source.timers import run_timers
from orderflow.runtime.logging import get_logger
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue

RENEW_S = LEASE_MS / 4 / 1000
DRAIN_S = 2.5
HEARTBEAT_FIRST_S = 0.3

P = ParamSpec("P")

logger = get_logger("event_source")


class EventSource:
    """Redis Streams as an event source for functions.

    `invoke` runs a function. `owner` is this event source's name among those that share `partitions` order partitions
    and the chain's. Told to stop, it gives the batches under way `drain_s` seconds to be finished. `min_replicas` must
    have what an order's end rests on.
    """

    def __init__(
        self,
        client: redis.Redis,
        mappings: Sequence[EventSourceMapping],
        invoke: Invoke,
        *,
        partitions: int,
        owner: str,
        drain_s: float = DRAIN_S,
        min_replicas: int = 0,
    ) -> None:
        self._client = client
        self._partition_count = partitions
        self._drain_s = drain_s
        self._mappings = mappings
        self._invoke = invoke
        self._leases = Leases(client, owner)
        venue = MockVenue(ChainStore(client), Latency(1, 1), Replication(client, min_replicas))
        self._dead_letters = DeadLetters(Orders(client, partitions), venue)
        self._owner = owner
        self._all = partitions_of(mappings, partitions)
        self._owned: dict[str, OwnedPartition] = {}
        self._members = 1
        self._agreed = False
        self._away = ""
        self.renewed_at = float("-inf")
        """When the leases were last renewed, on the monotonic clock."""

    @property
    def partitions(self) -> list[str]:
        """The partitions that are this event source's own."""
        return list(self._owned)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then finish the batches under way and give the partitions back.

        Raises ConfigurationError when this Redis is used with another number of partitions.
        """
        # Event sources that start together should know of each other before they share out.
        self._try(self._heartbeat)
        stop.wait(HEARTBEAT_FIRST_S)
        while not stop.is_set():
            self.rebalance()
            self._say_what_is_away()
            stop.wait(RENEW_S)
        self.close()

    def rebalance(self) -> None:
        """Renew the leases held, take what is free, up to a fair share, and give back what is too much.

        Nothing here waits for a function: a lease must be renewed however long the batches under way take. Nor does one
        part of Redis that is away keep the others from being renewed. Nothing is taken before Redis has said that its
        orders lie in as many partitions.
        """
        self._try(self._heartbeat)
        if not self._agreed:
            return
        self._renew_all()
        share = -(-len(self._all) // self._members)
        for owned in list(self._owned.values())[share:]:
            owned.stop.set()
        self._try(self._give_back)
        for partition in self._all:
            if partition not in self._owned and len(self._owned) < share:
                self._try(self._take, partition)

    def _heartbeat(self) -> None:
        # Each time, since the Redis may be another one by now; it is one small read a second.
        hold_partition_count(self._client, self._partition_count)
        self._agreed = True
        self._members = len(self._leases.members())
        self.renewed_at = time.monotonic()

    def _renew_all(self) -> None:
        for partition in list(self._owned):
            self._try(self._renew, partition)

    def _renew(self, partition: str) -> None:
        if not self._leases.hold(partition):
            logger.warning("lease lost", extra={"partition": partition})
            self._owned.pop(partition).stop.set()

    def _take(self, partition: str) -> None:
        if self._leases.hold(partition):
            self._start(partition)

    def close(self) -> None:
        """Finish the batches under way and give every partition back; one that takes too long is left to its lease."""
        for owned in self._owned.values():
            owned.stop.set()
        deadline = time.monotonic() + self._drain_s
        renew_at = time.monotonic() + RENEW_S
        while self._owned and time.monotonic() < deadline:
            self._try(self._give_back)
            if time.monotonic() > renew_at:
                # So that nobody else begins on what is being finished here.
                self._renew_all()
                renew_at += RENEW_S
            time.sleep(0.01)
        self._try(self._leases.leave)

    def _start(self, partition: str) -> None:
        mappings = [mapping for mapping in self._mappings if mapping.is_on(partition)]
        streams = Streams(self._client, partition)
        # Every group of a stream must exist before any of them is read: acknowledged entries are kept for those there.
        for mapping in mappings:
            streams.create_group(mapping.stream, mapping.function)
        logger.info("partition taken", extra={"partition": partition, "owner": self._owner})
        self._owned[partition] = OwnedPartition(streams, mappings, self._invoke, self._dead_letters)

    def _try(self, step: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        try:
            step(*arguments, **named)
        except (redis.RedisError, OSError) as error:
            self._away = str(error)

    def _say_what_is_away(self) -> None:
        """Write one line for all that could not be asked, however many partitions it concerned."""
        if self._away:
            logger.warning("redis is away", extra={"owner": self._owner, "error": self._away})
            self._away = ""

    def _give_back(self) -> None:
        """Release the partitions that were told to stop and have finished."""
        for partition in [partition for partition, owned in self._owned.items() if owned.has_finished()]:
            del self._owned[partition]
            self._leases.release(partition)  # should Redis be away just now, the lease runs out by itself


class OwnedPartition:
    """The threads that work on one partition: its timers, and a poller for each mapping."""

    def __init__(
        self,
        streams: Streams,
        mappings: Sequence[EventSourceMapping],
        invoke: Invoke,
        dead_letters: DeadLetters,
    ) -> None:
        self.stop = threading.Event()
        names = sorted({mapping.stream for mapping in mappings})
        pollers = [Poller(mapping, streams, invoke, dead_letters, self.stop) for mapping in mappings]
        self._threads = [
            threading.Thread(
                target=run_timers,
                args=(streams, names, self.stop),
                name=f"{streams.partition}-timers",
                daemon=True,
            ),
            *(
                threading.Thread(target=poller.run, name=f"{streams.partition}-{mapping.function}", daemon=True)
                for poller, mapping in zip(pollers, mappings, strict=True)
            ),
        ]
        for thread in self._threads:
            thread.start()

    def has_finished(self) -> bool:
        """Tell whether the last thread has ended, which happens only after `stop` is set."""
        return not any(thread.is_alive() for thread in self._threads)
