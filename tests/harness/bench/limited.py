"""`python -m tests.harness bench limits`: what it costs to count requests, and whether limits keep accounts apart.

One account posts steadily, by itself and then beside another one that posts ten times what its limit lets it. A front
door and a Redis of their own; nobody works on the orders.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop
from redis.asyncio import Redis
from rich.console import Console

from local.client.api import EXECUTE_PATH, UnreachableError
from local.servers.redis_server import start_redis
from orderflow.adapters.rate_limits import RateLimits
from orderflow.domain.access import Cost, Rate
from orderflow.runtime import async_clients
from tests.harness.bench.limited_server import BEYOND, FREE, LIMIT, WITHIN
from tests.harness.bench.posting import OrderConnection
from tests.harness.bench.processor_time import family_s
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings
from tests.support.ports import HOST, free_port
from tests.support.programs import Program

BODY = b'{"token_in":"SOL","token_out":"USDC","amount":"1.5","order_type":"market","max_slippage":0.05}'
AT_ONCE = (1, 64)
CALLS = 20_000
STEADY_PER_S = 100
OFFERED_PER_S = 10 * LIMIT.per_second
SECONDS, ROUNDS = 2.0, 11
CONNECTIONS = 32
START_TIMEOUT_S = 30.0
BESIDE = {"nobody": "", "one at ten times its limit": BEYOND, "one without a limit": FREE}
"""Whom an account posts beside: what that is, and its name."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What counting a request costs, in µs: time that passes, processor time of Redis and of the caller."""

    at_once: int
    passed_us: float
    redis_us: float
    caller_us: float


@dataclass(frozen=True, slots=True)
class Beside:
    """How long the POSTs of an account took, in ms, beside another's: medians of the rounds' percentiles.

    With that is how many POSTs of each got which status.
    """

    other: str
    p50: float
    p95: float
    p99: float
    own: Counter[int]
    others: Counter[int]


@dataclass(frozen=True, slots=True)
class Limited:
    """All that is measured; a POST's processor time in the front door is in µs, by whether it was refused with 429."""

    counted: Sequence[Counted]
    accepted_us: float
    refused_us: float
    beside: Sequence[Beside]

    @property
    def ratio(self) -> float:
        """How many times as long an account's p99 is beside one at ten times its limit as by itself."""
        alone, beyond, _ = (each.p99 for each in self.beside)
        return beyond / alone


def run_limited(calls: int = CALLS, seconds: float = SECONDS, rounds: int = ROUNDS) -> Limited:
    """Measure it."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        home = Path(directory)
        server = start_redis(home, None)
        try:
            counted = uvloop.run(_count(server.url, calls))
            return _with_front_door(home, server.url, counted, seconds, rounds)
        finally:
            server.stop()


def show(limited: Limited, console: Console) -> None:
    """Print it for a person."""
    counts = table_of_figures("counting a request, µs", "passes", "Redis", "caller")
    for each in limited.counted:
        figures = (each.passed_us, each.redis_us, each.caller_us)
        counts.add_row(f"{each.at_once} at once", *(f"{figure:,.1f}" for figure in figures))
    posts = table_of_figures(f"{STEADY_PER_S} POSTs/s, ms, beside", "p50", "p95", "p99", "202", "other's 202", "429")
    for beside in limited.beside:
        timings = (beside.p50, beside.p95, beside.p99)
        statuses = (beside.own[202], beside.others[202], beside.others[429])
        posts.add_row(beside.other, *(f"{each:,.2f}" for each in timings), *(f"{each:,}" for each in statuses))
    console.print(counts, posts)
    console.print(
        f"a POST in the front door: {limited.accepted_us:,.0f} µs accepted, {limited.refused_us:,.0f} refused",
        highlight=False,
    )
    console.print(f"p99 beside one at ten times its limit: {limited.ratio:.2f} times that by itself", highlight=False)


async def _count(redis_url: str, calls: int) -> list[Counted]:
    client = async_clients.open_redis(redis_url)
    try:
        limits, pid = RateLimits(client), (await client.info("server"))["process_id"]
        return [await _count_at_once(limits, at_once, calls, pid) for at_once in AT_ONCE]
    finally:
        await _close(client)


async def _count_at_once(limits: RateLimits, at_once: int, calls: int, pid: int) -> Counted:
    cost = [Cost("orders", Rate(per_second=1e6, burst=1_000_000), 1)]

    async def call(number: int) -> None:
        for _ in range(calls // at_once):
            await limits.spend(f"account-{number}", cost)

    await call(0)
    redis_s, caller_s, started = family_s(pid), time.process_time(), time.perf_counter()
    await asyncio.gather(*map(call, range(at_once)))
    spans = (time.perf_counter() - started, family_s(pid) - redis_s, time.process_time() - caller_s)
    return Counted(at_once, *(span / (calls // at_once * at_once) * 1e6 for span in spans))


async def _close(client: Redis) -> None:
    await client.aclose()
    await client.connection_pool.disconnect()


def _with_front_door(home: Path, redis_url: str, counted: Sequence[Counted], seconds: float, rounds: int) -> Limited:
    port = free_port()
    command = [sys.executable, "-m", "tests.harness.bench.limited_server", str(port)]
    environment = {**os.environ, "REDIS_URL": redis_url, "MAX_LAG": "1000000", "MAX_IN_FLIGHT": "1000000"}
    program = Program(command, environment, home / "limited_server.log")
    pid = program.start().pid

    async def measure(url: str) -> Limited:
        await _wait_for(url)
        await _post(url, FREE, OFFERED_PER_S, seconds / 2)  # to warm it up
        accepted_us, refused_us = [await _each_us(url, account, pid, seconds) for account in (FREE, BEYOND)]
        return Limited(counted, accepted_us, refused_us, await _beside_each(url, seconds, rounds))

    try:
        return uvloop.run(measure(f"http://{HOST}:{port}"))
    finally:
        program.stop()


async def _each_us(url: str, account: str, pid: int, seconds: float) -> float:
    """Return the front door's processor time for a POST, when there are many."""
    before_s = family_s(pid)
    took_ms, _ = await _post(url, account, 2 * OFFERED_PER_S, seconds)
    return (family_s(pid) - before_s) / len(took_ms) * 1e6


async def _beside_each(url: str, seconds: float, rounds: int) -> list[Beside]:
    took: dict[str, list[Timings]] = {each: [] for each in BESIDE}
    own, others = ({each: Counter[int]() for each in BESIDE} for _ in range(2))
    for _ in range(rounds):  # in turn, since the machine may be busy otherwise for a while
        for name, account in BESIDE.items():
            at_the_same_time = [_post(url, WITHIN, STEADY_PER_S, seconds)]
            if account:
                at_the_same_time.append(_post(url, account, OFFERED_PER_S, seconds))
            [(took_ms, statuses), *rest] = await asyncio.gather(*at_the_same_time)
            took[name].append(Timings.of(took_ms))
            own[name] += statuses
            for _, theirs in rest:
                others[name] += theirs
    return [Beside(name, *_medians(took[name]), own[name], others[name]) for name in BESIDE]


def _medians(rounds: Sequence[Timings]) -> tuple[float, float, float]:
    each = [(timings.p50, timings.p95, timings.p99) for timings in rounds]
    p50, p95, p99 = (median(values) for values in zip(*each, strict=True))
    return p50, p95, p99


async def _post(url: str, account: str, per_s: float, seconds: float) -> tuple[list[float], Counter[int]]:
    """Post orders when they are due; return how long after that each was answered, in ms, and the statuses."""
    free: asyncio.Queue[OrderConnection] = asyncio.Queue()
    connections = [await OrderConnection.open(url, f"/{account}{EXECUTE_PATH}") for _ in range(CONNECTIONS)]
    for connection in connections:
        free.put_nowait(connection)
    statuses: Counter[int] = Counter()
    started = time.perf_counter()

    async def post(due: float) -> float:
        await asyncio.sleep(due - time.perf_counter())
        connection = await free.get()
        status, _ = await connection.post(BODY)
        free.put_nowait(connection)
        statuses[status] += 1
        return (time.perf_counter() - due) * 1000

    took_ms = await asyncio.gather(*(post(started + number / per_s) for number in range(round(seconds * per_s))))
    for connection in connections:
        connection.close()
    return took_ms, statuses


async def _wait_for(url: str) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            try:
                (await OrderConnection.open(url)).close()
            except UnreachableError:
                await asyncio.sleep(0.02)
            else:
                return
