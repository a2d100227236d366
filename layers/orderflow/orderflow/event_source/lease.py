"""Shares the partitions out among the event sources that are alive, by leases in Redis."""

import redis

from orderflow.adapters.keys import key

LEASE_MS = 4000
"""How long a partition stays without an owner at most after its owner died."""

MEMBERS = "event-sources"

_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
"""

_HEARTBEAT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


class Leases:
    """The leases that one event source, known as `owner`, holds or tries for."""

    def __init__(self, client: redis.Redis, owner: str) -> None:
        self._client = client
        self._owner = owner
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self._heartbeat = client.register_script(_HEARTBEAT)

    def members(self) -> list[str]:
        """Say that this event source is alive, and return all that are, in an order of names."""
        return sorted(self._heartbeat([MEMBERS], [self._owner, LEASE_MS]))

    def hold(self, partition: str) -> bool:
        """Take or renew the lease of a partition; False when another holds it."""
        return bool(self._renew([key(partition, "lease")], [self._owner, LEASE_MS]))

    def release(self, partition: str) -> None:
        """Give a lease back, so that another need not wait until it runs out."""
        self._release([key(partition, "lease")], [self._owner])

    def leave(self) -> None:
        """Say that this event source is going."""
        self._client.zrem(MEMBERS, self._owner)
