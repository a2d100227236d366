"""What waits in the streams and timers of a partition, and which event source serves it."""

from collections.abc import Iterable
from typing import NamedTuple

import redis

from orderflow.adapters.keys import key
from orderflow.adapters.streams import made_at_ms


class StreamLag(NamedTuple):
    """A stream of one partition: its entries that not every reader has acknowledged, and the age of the oldest."""

    stream: str
    entries: int
    age_ms: int


class PartitionLag(NamedTuple):
    """What waits in one partition; `timers_late_ms` is how long ago the first of its timers was due, 0 if none is."""

    streams: list[StreamLag]
    timers: int
    dead_letters: int
    timers_late_ms: int = 0
    resting: int = 0


def measure(client: redis.Redis, partition: str, streams: Iterable[str], now_ms: int) -> PartitionLag:
    """Return what waits in a partition at a time in ms since 1970, which is now. Raises redis.RedisError."""
    names = list(streams)
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.xlen(key(partition, name))
        pipeline.xrange(key(partition, name), count=1)
    pipeline.zcard(key(partition, "timers"))
    pipeline.zrange(key(partition, "timers"), 0, 0, withscores=True)
    pipeline.xlen(key(partition, "dead"))
    pipeline.zcard(key(partition, "resting"))
    *of_streams, timers, first_timer, dead_letters, resting = pipeline.execute()
    lags = [
        StreamLag(name, length, max(now_ms - made_at_ms(oldest[0][0]), 0) if oldest else 0)
        for name, length, oldest in zip(names, of_streams[::2], of_streams[1::2], strict=True)
    ]
    late_ms = max(now_ms - int(first_timer[0][1]), 0) if first_timer else 0
    return PartitionLag(lags, timers, dead_letters, late_ms, resting)
