"""Measures how much waits in the streams, for a scrape or as metrics that alarms and autoscaling go by."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import redis
from aws_lambda_powertools.metrics import EphemeralMetrics

from orderflow.adapters.keys import key
from orderflow.adapters.streams import made_at_ms
from orderflow.event_source.mapping import EventSourceMapping, streams_on
from orderflow.event_source.source import EventSource
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger
from orderflow.runtime.metrics import Values
from orderflow.runtime.observability import add, write_line

PUBLISH_S = 30.0
SERVICE = "event_source"

logger = get_logger(SERVICE)


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


def publish_lags(
    client: redis.Redis, source: EventSource, mappings: Sequence[EventSourceMapping], stop: threading.Event
) -> None:
    """Publish what waits in the partitions that `source` holds, every half a minute until `stop` is set.

    So all event sources together publish each partition once.
    """
    while not stop.wait(PUBLISH_S):
        try:
            publish([measure(client, partition, streams_on(mappings, partition)) for partition in source.partitions])
        except (redis.RedisError, OSError) as error:
            logger.debug("lag not known", extra={"error": str(error)})


def measure(client: redis.Redis, partition: str, streams: Iterable[str]) -> PartitionLag:
    """Return what waits in a partition just now. Raises redis.RedisError."""
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
    now = now_ms()
    lags = [
        StreamLag(name, length, max(now - made_at_ms(oldest[0][0]), 0) if oldest else 0)
        for name, length, oldest in zip(names, of_streams[::2], of_streams[1::2], strict=True)
    ]
    late_ms = max(now - int(first_timer[0][1]), 0) if first_timer else 0
    return PartitionLag(lags, timers, dead_letters, late_ms, resting)


def publish(lags: Sequence[PartitionLag]) -> None:
    """Write what waits as embedded metrics: of each stream the worst of its partitions, then the worst of all."""
    if not lags:
        return  # another event source holds the partitions, and publishes them
    metrics = EphemeralMetrics(service=SERVICE)
    streams = [stream for lag in lags for stream in lag.streams]
    for name in dict.fromkeys(stream.stream for stream in streams):
        of_name = [stream for stream in streams if stream.stream == name]
        metrics.add_dimension("stream", name)
        _add_worst(metrics, of_name)
        write_line(metrics)
    if streams:  # a partition may have no function here that reads from it
        _add_worst(metrics, streams)
    add(metrics, "timers", sum(lag.timers for lag in lags))
    add(metrics, "timers_late_ms", max(lag.timers_late_ms for lag in lags))
    add(metrics, "resting", sum(lag.resting for lag in lags))
    add(metrics, "dead_letters", sum(lag.dead_letters for lag in lags))
    write_line(metrics)


def as_values(lags: Mapping[str, PartitionLag]) -> list[Values]:
    """Return what waits, by partition, as a scrape shows it."""
    streams = [((name, stream.stream), stream) for name, lag in lags.items() for stream in lag.streams]
    return [
        Values("lag", [(labels, stream.entries) for labels, stream in streams]),
        Values("age_ms", [(labels, stream.age_ms) for labels, stream in streams]),
        *(
            Values(each, [((name,), getattr(lag, each)) for name, lag in lags.items()])
            for each in ("timers", "timers_late_ms", "resting", "dead_letters")
        ),
    ]


def _add_worst(metrics: EphemeralMetrics, streams: Sequence[StreamLag]) -> None:
    add(metrics, "lag", max(stream.entries for stream in streams))
    add(metrics, "age_ms", max(stream.age_ms for stream in streams))
