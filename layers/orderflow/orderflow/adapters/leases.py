"""Shares the partitions among the event sources that are alive, by leases in Redis."""

import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import key

LEASE_MS = 4000
"""How long a partition stays without a lease holder at most after its last one died."""

MEMBERS = "event-sources"


class Leases:
    """The leases that one event source, known as `holder`, holds or tries for."""

    def __init__(self, client: redis.Redis, holder: str) -> None:
        self._client = client
        self._holder = holder
        self._renew = client.register_script(scripts.source("renew_lease"))
        self._release = client.register_script(scripts.source("release_lease"))
        self._heartbeat = client.register_script(scripts.source("heartbeat"))

    def members(self) -> list[str]:
        """Note that this event source is alive, and return the names of all that are, sorted."""
        return sorted(self._heartbeat([MEMBERS], [self._holder, LEASE_MS]))

    def hold(self, partition: str) -> bool:
        """Take or renew the lease of a partition; False when another event source holds it."""
        return bool(self._renew([lease_key(partition)], [self._holder, LEASE_MS]))

    def release(self, partition: str) -> None:
        """Give a lease back, so that another event source need not wait until it runs out."""
        self._release([lease_key(partition)], [self._holder])

    def leave(self) -> None:
        """Note that this event source is no longer alive."""
        self._client.zrem(MEMBERS, self._holder)


def lease_key(partition: str) -> str:
    """Return the key that names the event source which holds a partition's lease."""
    return key(partition, "lease")
