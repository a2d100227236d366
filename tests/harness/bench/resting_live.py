"""Orders that wait on systems that run: what market orders cost beside them, and how they fire, alone and in crowds."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import uvloop
from rich.progress import Progress

from local.run.running_system import System
from tests.harness.bench.clients import connected
from tests.harness.bench.filled_redis import PARTITIONS, FilledRedis
from tests.harness.bench.ledger import PostgresLedger, UnderWay
from tests.harness.bench.load import Load, Observations, due_times
from tests.harness.bench.measurement import Plan, measure
from tests.harness.bench.report import BenchResult
from tests.harness.bench.triggering import COUNT, Lateness, rally
from tests.harness.bench.waiting_orders import Followed, NotInTimeError, limits, move_and_follow, place, stops, touch
from tests.harness.own_system import own_system
from tests.harness.timings import Timings

SPEED = 0.1
"""Slots of 40 ms: a system that is idle keeps up with that, and a measurement takes seconds."""

CROWD, CROWD_USD = 10_000, 100.0
LIMIT_AT, RISE = 1.01, 1.02
STOP_AT, FALL = 0.98, 0.95
LOAD = Load(seconds=8, sockets=False, concurrency=64, mix="small")
WARM_UP_S = 8.0
BESIDE = Load(rate=50, seconds=10, concurrency=100)
"""The market orders that are posted alone, and then while a crowd of limits is executed."""

AMPLE = {"MAX_IN_FLIGHT": "1000000", "MAX_LAG": "1000000", "PARTITIONS": str(PARTITIONS)}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many orders that fire at one price: in how many seconds they came to rest and were fired, what became of them."""

    orders: int
    rested_s: float
    followed: Followed
    fired_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Live:
    """How orders fire on a system that runs, beside as many others; and market orders, alone and while limits fire.

    `unclean` counts market orders that were refused or have not ended.
    """

    lateness: Lateness
    limits: Crowd
    stops: Crowd
    alone_ms: Timings
    beside_ms: Timings
    unclean: int


def market_orders(redis: FilledRedis) -> BenchResult:
    """Send market orders to a new system beside the orders that rest, whose clock runs, and return what they cost."""
    with own_system({"SPEED": "0", "REDIS_URL": redis.url, **AMPLE}) as own:
        system = own.start()
        system = replace(system, processes={**system.processes, "redis": redis.pid})
        [result] = uvloop.run(measure(system, Plan(LOAD, WARM_UP_S), Progress(disable=True)))
        return result


def run_live(redis: FilledRedis, rising: int = COUNT, crowd: int = CROWD, beside: Load = BESIDE) -> Live:
    """Have orders fire beside those that rest, some one by one as the market rises, then a crowd at once, twice."""
    with own_system({"SPEED": f"{SPEED:g}", "REDIS_URL": redis.url, **AMPLE}) as own:
        system = own.start()
        try:
            return _live(redis, system, rising, crowd, beside)
        except NotInTimeError as error:
            raise NotInTimeError(f"{error}; the system's last lines:\n{own.last_lines}") from error


def _live(redis: FilledRedis, system: System, rising: int, crowd: int, load: Load) -> Live:
    lateness = redis.run(rally, rising)
    alone = uvloop.run(_post(system, load))
    at_limit, limits_rested_s = redis.run(place, redis.run(limits, crowd, LIMIT_AT, 0.0, CROWD_USD))
    executed = redis.worker.submit(move_and_follow, at_limit, RISE)
    beside = uvloop.run(_post(system, replace(load, seconds=None), executed))
    at_stop, stops_rested_s = redis.run(place, redis.run(stops, crowd, STOP_AT, CROWD_USD))
    fired_s = redis.run(touch, at_stop[0].request, FALL)
    stopped = redis.run(move_and_follow, at_stop)
    return Live(
        lateness,
        Crowd(crowd, limits_rested_s, executed.result()),
        Crowd(crowd, stops_rested_s, stopped, fired_s),
        Timings.of(alone.confirmed_ms),
        Timings.of(beside.confirmed_ms),
        _unclean(alone) + _unclean(beside),
    )


async def _post(system: System, load: Load, until: "Future[Any] | None" = None) -> Observations:
    """Post a load's orders, or go on posting until something is done; return what their clients saw to the end."""
    assert system.database_url is not None
    seen, ledger = Observations(), PostgresLedger(system.database_url)
    try:
        async with connected(system.url, load, seen, UnderWay(ledger)) as clients:
            await clients.post(_turns(load, until))
    finally:
        ledger.close()
    return seen


def _turns(load: Load, until: "Future[Any] | None") -> Iterator[float]:
    for due_at in due_times(load):
        if until is not None and until.done():
            return
        yield due_at


def _unclean(seen: Observations) -> int:
    return sum(seen.refusals.values()) + len(seen.due_at) - seen.endings["confirmed"] - seen.endings["failed"]
