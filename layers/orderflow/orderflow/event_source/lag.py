"""Measures how much waits in the streams, and publishes it as metrics for alarms and autoscaling."""

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import redis
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from orderflow.adapters.keys import key
from orderflow.event_source.mapping import EventSourceMapping, streams_on
from orderflow.event_source.source import EventSource
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import write_line

PUBLISH_S = 30.0
SERVICE = "event_source"

logger = get_logger(SERVICE)


class StreamLag(NamedTuple):
    """A stream of one partition: its entries that not every reader has acknowledged, and the age of the oldest."""

    stream: str
    entries: int
    age_ms: int


class PartitionLag(NamedTuple):
    """What waits in one partition."""

    streams: list[StreamLag]
    timers: int
    dead_letters: int


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
    pipeline.xlen(key(partition, "dead"))
    *of_streams, timers, dead_letters = pipeline.execute()
    now = now_ms()
    lags = [
        StreamLag(name, length, max(now - _made_at_ms(oldest[0][0]), 0) if oldest else 0)
        for name, length, oldest in zip(names, of_streams[::2], of_streams[1::2], strict=True)
    ]
    return PartitionLag(lags, timers, dead_letters)


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
    metrics.add_metric("timers", MetricUnit.Count, sum(lag.timers for lag in lags))
    metrics.add_metric("dead_letters", MetricUnit.Count, sum(lag.dead_letters for lag in lags))
    write_line(metrics)


def _add_worst(metrics: EphemeralMetrics, streams: Sequence[StreamLag]) -> None:
    metrics.add_metric("lag", MetricUnit.Count, max(stream.entries for stream in streams))
    metrics.add_metric("age_ms", MetricUnit.Milliseconds, max(stream.age_ms for stream in streams))


def _made_at_ms(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
