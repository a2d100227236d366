"""What is under way in a partition, and the event sources that serve it: a partition in, its state out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import key
from orderflow.adapters.leases import MEMBERS, lease_key
from orderflow.adapters.stream_lag import PartitionLag, measure

MOST_TIMERS = 2_000
"""Timers of a partition whose streams are looked at; of more than these the rest counts as under way somewhere."""


class PartitionState(NamedTuple):
    """What waits in a partition; `timers` has by stream the orders that wait for their time, '' where it is not known.

    `holder` is the event source that serves it, '' if none does.
    """

    lag: PartitionLag
    timers: Mapping[str, int]
    holder: str


class EngineState:
    """The state of every partition, as it is just now. Each method raises redis' errors."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._count_timers = client.register_script(scripts.source("count_timers"))

    def look(self, partition: str, streams: Sequence[str], now_ms: int) -> PartitionState:
        """Return what is under way in a partition that has these streams."""
        lag = measure(self._client, partition, streams, now_ms)
        counts = iter(cast("list[str | int]", self._count_timers([key(partition, "timers")], [MOST_TIMERS])))
        timers = {str(stream): int(count) for stream, count in zip(counts, counts, strict=True) if count}
        return PartitionState(lag, timers, cast("str | None", self._client.get(lease_key(partition))) or "")

    def event_sources(self) -> list[str]:
        """Return the event sources that were alive a few seconds ago, sorted."""
        return sorted(cast("list[str]", self._client.zrange(MEMBERS, 0, -1)))
