"""The event source: owns its share of the partitions, and runs every mapping on each of them."""

import threading
from collections.abc import Sequence

import redis

from orderflow.adapters.keys import CHAIN
from orderflow.adapters.orders import Orders
from orderflow.adapters.streams import Streams
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.invoke import Invoke
from orderflow.event_source.lease import LEASE_MS, Leases
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.poller import Poller
from orderflow.event_source.timers import run_timers
from orderflow.runtime.logging import get_logger

RENEW_S = LEASE_MS / 4 / 1000
DRAIN_S = 4.0

logger = get_logger("event_source")


class EventSource:
    """Redis Streams as an event source for functions.

    `invoke` runs a function. `owner` is this event source's name among those that share `partitions` order partitions
    and the chain's.
    """

    def __init__(
        self,
        client: redis.Redis,
        mappings: Sequence[EventSourceMapping],
        invoke: Invoke,
        *,
        partitions: int,
        owner: str,
    ) -> None:
        self._client = client
        self._mappings = mappings
        self._invoke = invoke
        self._leases = Leases(client, owner)
        self._dead_letters = DeadLetters(Orders(client, partitions))
        self._owner = owner
        self._all = [CHAIN, *(f"p{number}" for number in range(partitions))]
        self._owned: dict[str, OwnedPartition] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then finish the batches under way and give the partitions back."""
        while not stop.is_set():
            try:
                self.share_out()
            except (redis.RedisError, OSError) as error:
                logger.warning("redis is away", extra={"error": str(error)})
            stop.wait(RENEW_S)
        self.close()

    def share_out(self) -> None:
        """Renew the leases held, take what is free, up to a fair share, and give back what is too much."""
        members = self._leases.members()
        for partition in list(self._owned):
            if not self._leases.hold(partition):
                logger.warning("lease lost", extra={"partition": partition})
                self._stop([partition])
        share = -(-len(self._all) // len(members))
        surplus = list(self._owned)[share:]
        self._stop(surplus)
        for partition in surplus:
            self._leases.release(partition)
        for partition in self._all:
            if partition not in self._owned and len(self._owned) < share and self._leases.hold(partition):
                self._start(partition)

    def close(self) -> None:
        """Finish the batches under way and give every partition back."""
        held = list(self._owned)
        self._stop(held)
        try:
            for partition in held:
                self._leases.release(partition)
            self._leases.leave()
        except (redis.RedisError, OSError) as error:
            logger.warning("leases run out by themselves", extra={"error": str(error)})

    def _start(self, partition: str) -> None:
        scope = "chain" if partition == CHAIN else "orders"
        mappings = [mapping for mapping in self._mappings if mapping.scope == scope]
        streams = Streams(self._client, partition)
        # Every group of a stream must exist before any of them is read: acknowledged entries are kept for those there.
        for mapping in mappings:
            streams.create_group(mapping.stream, mapping.function)
        logger.info("partition taken", extra={"partition": partition, "owner": self._owner})
        self._owned[partition] = OwnedPartition(streams, mappings, self._invoke, self._dead_letters)

    def _stop(self, partitions: Sequence[str]) -> None:
        stopped = [self._owned.pop(partition) for partition in partitions]
        for owned in stopped:
            owned.stop.set()
        for owned in stopped:
            owned.join(DRAIN_S)


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

    def join(self, timeout_s: float) -> None:
        """Wait for the batches under way; one that takes too long is left to whoever takes the partition over."""
        for thread in self._threads:
            thread.join(timeout_s)
