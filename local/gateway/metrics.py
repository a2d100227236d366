"""What a scrape of the gateway shows: requests, sockets, the stores, the slot; with `make run` all of the system."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import redis

from functions.read_orders.health import OK, Health
from local.gateway.connections import Connections
from local.gateway.measured import RequestTimes
from local.settings import ROOT, LocalSettings
from local.template import read_template
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.event_source.lag import as_values
from orderflow.event_source.mapping import partitions_of
from orderflow.event_source.prometheus import Exposition, PrometheusRecorder
from orderflow.event_source.scrape import measure_all
from orderflow.runtime import clients
from orderflow.runtime.logging import get_logger
from orderflow.runtime.metrics import DIRECTORY, Values

METRICS_PATH = "/metrics"

Scrape = Callable[[str], Awaitable[Exposition]]
"""From the header Accept of a scrape to its answer."""

logger = get_logger("gateway")


def scrape_of(
    recorder: PrometheusRecorder, connections: Connections, times: RequestTimes, settings: LocalSettings
) -> Scrape:
    """Return what answers a scrape of the gateway.

    Where the processes of a system share a directory for their metrics (decision 0138), it speaks for all of them, and
    measures what waits in every partition. Otherwise the event sources say that, each at a port of its own.
    """
    mappings = read_template(ROOT / "template.yaml").event_sources if os.environ.get(DIRECTORY) else []
    partitions = partitions_of(mappings, settings.partitions) if mappings else []
    health = Health()
    one_at_a_time = asyncio.Lock()

    async def scrape(accept: str) -> Exposition:
        async with one_at_a_time:
            frames_in, frames_out = connections.frames()
            stores = await health.state()
            own = [
                times.values(),
                Values("sockets", [((), len(connections))]),
                Values("frames", [(("in",), frames_in), (("out",), frames_out)]),
                Values("store_up", [((store,), state == OK) for store, state in stores.items()]),
            ]
            # Lest a scraper waits for what is not to be had, longer than it does, and does not get the rest either.
            more = _in_redis if stores["redis"] == OK else list
            return await asyncio.to_thread(lambda: recorder.expose([*own, *more()], accept))

    def _in_redis() -> list[Values]:
        return [*_slot(), *as_values(measure_all(clients.redis_client(), partitions, mappings))]

    return scrape


def _slot() -> list[Values]:
    try:
        return [Values("slot", [((), clients.venue().slot())])]
    except (redis.RedisError, OSError, RetryableError, ConfigurationError) as error:
        logger.debug("slot not known", extra={"error": str(error)})
        return []
