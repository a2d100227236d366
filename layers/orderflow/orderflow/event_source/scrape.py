"""What a scrape of an event source shows: what its process has recorded, and what waits in the partitions it holds."""

import threading
import time
from collections.abc import Sequence

import redis

from orderflow.adapters.stream_lag import PartitionLag, measure
from orderflow.event_source.health import FRESH_S
from orderflow.event_source.lag import as_values
from orderflow.event_source.mapping import EventSourceMapping, streams_on
from orderflow.event_source.prometheus import PrometheusRecorder, Scrape
from orderflow.event_source.source import EventSource
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger
from orderflow.runtime.metrics import Values

logger = get_logger("event_source")


def scrape_of(
    recorder: PrometheusRecorder, client: redis.Redis, source: EventSource, mappings: Sequence[EventSourceMapping]
) -> Scrape:
    """Return what answers a scrape of `source`. All event sources together show each partition once."""

    one_at_a_time = threading.Lock()  # or scrapers would take connections that pollers need

    def measured() -> list[Values]:
        partitions = source.partitions
        with one_at_a_time:
            lags = measure_all(client, partitions, mappings)
        is_up = time.monotonic() - source.renewed_at <= FRESH_S and len(lags) == len(partitions)
        own = [Values("partitions", [((), len(partitions))]), Values("store_up", [(("redis",), is_up)])]
        return own + as_values(lags)

    return lambda accept: recorder.expose(measured(), accept)


def measure_all(
    client: redis.Redis, partitions: Sequence[str], mappings: Sequence[EventSourceMapping]
) -> dict[str, PartitionLag]:
    """Return what waits, by partition; those are left out whose Redis does not answer, and those behind a time-out."""
    lags = {}
    for partition in partitions:
        try:
            lags[partition] = measure(client, partition, streams_on(mappings, partition), now_ms())
        except (redis.RedisError, OSError) as error:
            logger.debug("lag not known", extra={"partition": partition, "error": str(error)})
            if isinstance(error, redis.TimeoutError):
                break  # a scraper does not wait for one after the other
    return lags
