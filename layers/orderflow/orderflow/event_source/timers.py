"""Promotes a partition's messages from the timer set to their streams when they are due."""

import threading
from collections.abc import Sequence

import redis

from orderflow.adapters.streams import Streams
from orderflow.runtime.logging import get_logger

LONGEST_WAIT_MS = 500
# Redis ends a blocking call only at its next tick, up to 100 ms late, so the rest of the time is waited for here.
TICK_MS = 100
NAP_MS = 10
BATCH = 200

logger = get_logger("event_source")


def run_timers(streams: Streams, names: Sequence[str], stop: threading.Event) -> None:
    """Promote due messages to the streams of `names` until stopped; a list wakes it (decision 0010)."""
    while not stop.is_set():
        try:
            moved, next_ms = streams.promote(names, BATCH)
            if moved < BATCH:
                _wait(streams, LONGEST_WAIT_MS if next_ms is None else next_ms, stop)
        except (redis.RedisError, OSError) as error:
            write = logger.warning if isinstance(error, redis.ResponseError) else logger.debug
            write("timers wait", extra={"partition": streams.partition, "error": str(error)})
            stop.wait(0.5)


def _wait(streams: Streams, next_ms: int, stop: threading.Event) -> None:
    if next_ms > TICK_MS:
        streams.wait_for_timer(min(next_ms - TICK_MS, LONGEST_WAIT_MS))
    else:
        stop.wait(min(next_ms, NAP_MS) / 1000)
