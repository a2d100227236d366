"""Makes the report of the engine: what was counted and what is under way in, the report out. It names no order."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest

import msgspec
import redis

from functions.publish_reports.made import Made
from functions.publish_reports.stores import OK, UNAVAILABLE, postgres_state
from orderflow.adapters.codec import encoder
from orderflow.adapters.engine_state import PartitionState
from orderflow.adapters.keys import SHARED, order_partitions
from orderflow.adapters.reports import STREAM, Begun
from orderflow.domain.lifecycle import EXPIRED_STREAM, SLICE_ENDED, STREAMS
from orderflow.domain.tally import Tally, percentiles_ms
from orderflow.errors import RetryableError
from orderflow.runtime import clients
from orderflow.runtime.logging import get_logger

OF_ORDERS = (*STREAMS, EXPIRED_STREAM, SLICE_ENDED, "status")
TRANSACTIONS = "transactions"
OF_MARKET = (TRANSACTIONS, "ticks", STREAM)
"""The streams of a partition that orders lie in, and those of the market's; a contract test holds both."""

MOST_STREAMS = 200
"""Of more streams those are shown that are furthest behind: a report has to fit into a frame."""
RATE_S, LATENCY_S = 5, 60
PERCENTS = (50, 90, 99)


class StreamView(msgspec.Struct, frozen=True):
    """A stream of a partition: its entries that not every reader is done with, and the age of the oldest."""

    stream: str
    partition: str
    entries: int
    age_ms: int


class EventSourceView(msgspec.Struct, frozen=True):
    """An event source that is alive, and the partitions that it serves."""

    name: str
    partitions: Sequence[str]


class EngineReport(msgspec.Struct, frozen=True):
    """How the engine is. Rates and latencies are decimal strings, None where nothing was counted.

    Rates are the mean of the last 5 s, latencies those of market orders that were executed in the last 60 s, and
    `retries` the records that were tried again in the last 60 s. `in_flight` has by stream the orders that wait there
    or for their time. What a store that is unavailable would say is left out.
    """

    orders_per_second: Mapping[str, str]
    latency_ms: Mapping[str, str | int | None]
    in_flight: Mapping[str, int]
    resting: int
    streams: Sequence[StreamView]
    sockets: int | None
    retries: int
    dead_letters: int
    stores: Mapping[str, str]
    slot: int
    event_sources: Sequence[EventSourceView]


def engine_report(begun: Begun) -> Made:
    """Return the report of the engine. Raises redis' errors when the partition that all share is unavailable."""
    this_second = begun.now_ms // 1000
    tallies = clients.tallies().of(range(this_second - LATENCY_S, this_second))
    states = dict(_states(begun.now_ms))
    report = EngineReport(
        orders_per_second=_rates(tallies[-RATE_S:]),
        latency_ms=_latencies(tallies),
        in_flight=_in_flight(states),
        resting=sum(state.lag.resting for state in states.values()),
        streams=_views(states),
        sockets=_sockets(),
        retries=sum(tally.retries for tally in tallies),
        dead_letters=sum(state.lag.dead_letters for state in states.values()),
        stores={"redis": OK if len(states) == len(_streams()) else UNAVAILABLE, "postgres": postgres_state()},
        slot=clients.venue().slot(),
        event_sources=[
            EventSourceView(name, [partition for partition, state in states.items() if state.holder == name])
            for name in clients.engine_state().event_sources()
        ],
    )
    return Made(encoder.encode(report).decode())


def _streams() -> dict[str, Sequence[str]]:
    """Return the streams of each partition."""
    of_orders = dict.fromkeys(order_partitions(clients.orders().partitions), OF_ORDERS)
    return {**of_orders, SHARED: OF_MARKET}


def _states(now_ms: int) -> Iterator[tuple[str, PartitionState]]:
    """Yield the state of each partition that can be reached; of a cluster some may be unavailable."""
    for partition, streams in _streams().items():
        try:
            yield partition, clients.engine_state().look(partition, streams, now_ms)
        except (redis.RedisError, OSError) as error:
            extra = {"partition": partition, "error": str(error)}
            get_logger("publish_reports").warning("partition is unavailable", extra=extra)


def _views(states: Mapping[str, PartitionState]) -> list[StreamView]:
    views = [
        StreamView(each.stream, partition, each.entries, each.age_ms)
        for partition, state in states.items()
        for each in state.lag.streams
    ]
    return views if len(views) <= MOST_STREAMS else nlargest(MOST_STREAMS, views, lambda view: view.age_ms)


def _rates(tallies: Sequence[Tally]) -> dict[str, str]:
    placed, ended = sum(tally.placed for tally in tallies), sum(tally.ended for tally in tallies)
    return {"placed": f"{placed / RATE_S:.1f}", "ended": f"{ended / RATE_S:.1f}"}


def _latencies(tallies: Sequence[Tally]) -> dict[str, str | int | None]:
    every = Tally()
    for tally in tallies:
        every.add(tally)
    found = zip(PERCENTS, percentiles_ms(every.latencies, PERCENTS), strict=True)
    shown = {f"p{percent}": None if value is None else f"{value:.1f}" for percent, value in found}
    return {**shown, "count": sum(every.latencies.values())}


def _in_flight(states: Mapping[str, PartitionState]) -> dict[str, int]:
    """Return by stream of a stage the orders that wait there or for their time; `others` are not looked at."""
    counts = dict.fromkeys((*STREAMS, TRANSACTIONS), 0)
    for state in states.values():
        waiting = {each.stream: each.entries for each in state.lag.streams}
        for stream in counts:
            counts[stream] += waiting.get(stream, 0) + state.timers.get(stream, 0)
    others = sum(state.timers.get("", 0) for state in states.values())
    return counts | ({"others": others} if others else {})


def _sockets() -> int | None:
    try:
        return clients.sockets().count()
    except RetryableError:
        return None
