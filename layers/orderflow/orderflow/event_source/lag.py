"""Measures how much waits in the streams, for a scrape or as metrics that alarms and autoscaling go by."""

import threading
from collections.abc import Mapping, Sequence

import redis
from aws_lambda_powertools.metrics import EphemeralMetrics

from orderflow.adapters.stream_lag import PartitionLag, StreamLag, measure
from orderflow.event_source.mapping import EventSourceMapping, streams_on
from orderflow.event_source.source import EventSource
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger
from orderflow.runtime.metrics import Values
from orderflow.runtime.observability import add, write_line

PUBLISH_S = 30.0
SERVICE = "event_source"

logger = get_logger(SERVICE)


def publish_lags(
    client: redis.Redis, source: EventSource, mappings: Sequence[EventSourceMapping], stop: threading.Event
) -> None:
    """Publish what waits in the partitions that `source` holds, every half a minute until `stop` is set.

    So all event sources together publish each partition once.
    """
    while not stop.wait(PUBLISH_S):
        try:
            held = source.partitions
            publish([measure(client, each, streams_on(mappings, each), now_ms()) for each in held])
        except (redis.RedisError, OSError) as error:
            logger.debug("lag not known", extra={"error": str(error)})


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
