"""Measures a running system: warms it up, sends a load, and asks the ledger what became of every order."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from rich.progress import Progress

from local.client.api import Client
from local.run.running_system import System
from tests.harness.bench import processor_time
from tests.harness.bench.background import background
from tests.harness.bench.bottleneck import Meter
from tests.harness.bench.clients import connected
from tests.harness.bench.ledger import Audit, HttpLedger, Ledger, PostgresLedger, UnderWay
from tests.harness.bench.load import Load, Observations, due_times, most_at_once
from tests.harness.bench.mock_market import simulated_ms
from tests.harness.bench.report import BenchResult
from tests.harness.bench.timers import Lateness, watch_timers
from tests.harness.bench.warm_up import WarmUp
from tests.harness.timings import Timings

WARM_UP_S = 20.0
DRAIN_TIMEOUT_S = 120.0
REFRESH_S = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: first a load like `load` for at most `warm_up_s`, then `unloaded` single orders, then `load`.

    The last of it `repeat` times, one after the other on the same system.
    """

    load: Load
    warm_up_s: float = WARM_UP_S
    unloaded: int = 0
    repeat: int = 1


async def measure(system: System, plan: Plan, progress: Progress) -> list[BenchResult]:
    """Do all of `plan` and return the result of each of its runs."""
    async with AsyncExitStack() as stack:
        bench = _Bench(system, await _ledger(system, stack))
        stack.enter_context(progress)
        warm_up = await bench.warm_up(plan, progress)
        single = Observations()
        if plan.unloaded:
            alone = Load(orders=plan.unloaded, concurrency=1, mix=plan.load.mix)
            await bench.send(alone, single, due_times(alone))
        runs = [await bench.run(plan.load, f"run {number + 1}", progress) for number in range(plan.repeat)]
    confirmed, posted = Timings.of(single.confirmed_ms), Timings.of(single.post_ms)
    return [replace(run, warm_up=str(warm_up), unloaded_ms=confirmed, unloaded_post_ms=posted) for run in runs]


@dataclass(slots=True)
class _Bench:
    system: System
    ledger: Ledger

    async def warm_up(self, plan: Plan, progress: Progress) -> WarmUp:
        """Send a load like the plan's until its rate is steady."""
        seen, load = Observations(), replace(plan.load, seconds=plan.warm_up_s)
        warm_up = WarmUp(seen)
        if plan.warm_up_s:
            async with _shown("warm-up", seen, None, progress), background(warm_up.follow()):
                await self.send(load, seen, warm_up.turns(load))
        return warm_up

    async def run(self, load: Load, label: str, progress: Progress) -> BenchResult:
        """Send `load` and return what it came to."""
        system, seen, meter, lateness = self.system, Observations(), Meter(self.system.processes), Lateness()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_shown(label, seen, load.orders, progress))
            await stack.enter_async_context(background(meter.watch_the_loop()))
            if system.speed and system.redis_url and system.partitions:
                await stack.enter_async_context(background(watch_timers(system.redis_url, system.partitions, lateness)))
            drained_at = await self.send(load, seen, due_times(load), meter)
        audit = await self.ledger.audit(seen.due_at)
        return _result(system, load, seen, audit, drained_at, meter, lateness)

    async def send(self, load: Load, seen: Observations, turns: Iterator[float], meter: Meter | None = None) -> float:
        """Send orders and wait until the ledger has the end of all; return when that was.

        `meter` runs from when all are connected.
        """
        under_way = UnderWay(self.ledger)
        async with connected(self.system.url, load, seen, under_way) as clients:
            if meter:
                meter.start()
            await clients.post(turns)
            drained_at = await under_way.drain(DRAIN_TIMEOUT_S)
            if meter:
                meter.stop()
        return drained_at


def _result(
    system: System,
    load: Load,
    seen: Observations,
    audit: Audit,
    drained_at: float,
    meter: Meter,
    lateness: Lateness,
) -> BenchResult:
    accepted, here = len(seen.due_at), bool(system.processes)
    endings = seen.endings if load.sockets else audit.endings
    ended = endings["confirmed"] + endings["failed"]
    confirmed_at = seen.confirmed_at if load.sockets else _by_the_ledger(system, seen, audit)
    waits = {order_id: (seen.due_at[order_id], at) for order_id, at in confirmed_at.items()}
    simulated = _simulated(system, audit)
    beyond = [
        (at - due_at) * 1000 - sum(simulated[order_id])
        for order_id, (due_at, at) in waits.items()
        if order_id in simulated
    ]
    timers = sum(1 for delays in simulated.values() for ms in delays if ms)
    return BenchResult(
        url=system.url,
        speed=system.speed,
        load=load,
        accepted=accepted,
        refused=dict(seen.refusals),
        accepted_per_s=_rate(accepted, seen.last_accepted_at - seen.started_at),
        end_to_end_per_s=_rate(ended, drained_at - seen.started_at),
        post_to_202_ms=Timings.of(seen.post_ms),
        sent_late_ms=Timings.of(seen.sent_late_ms),
        post_to_confirmed_ms=Timings.of((at - due_at) * 1000 for due_at, at in waits.values()),
        beyond_simulated_ms=Timings.of(beyond),
        timers_late_ms=lateness.at_most_ms(99, timers) if timers else None,
        most_in_flight=most_at_once(waits.values()),
        confirmed=endings["confirmed"],
        failed=endings["failed"],
        never_ended=accepted - ended,
        statuses_delivered=seen.delivered if load.sockets else audit.events,
        statuses_expected=seen.expected if load.sockets else audit.events_expected,
        ledger_orders=len(audit.orders),
        processor_us_per_order=processor_time.per_order_us(meter.before, meter.after, accepted if here else 0),
        pace=meter.pace(seen.idle_s, load.clients, load.rate is not None),
    )


def _by_the_ledger(system: System, seen: Observations, audit: Audit) -> dict[str, float]:
    """Return when each order was confirmed, on the clients' clock, by the ledger's times.

    A system that runs elsewhere has another clock: of that the time since the order was created counts.
    """
    here = time.time() - time.perf_counter()
    return {
        order.order_id: order.updated_at - here
        if system.processes
        else seen.due_at[order.order_id] + order.updated_at - order.created_at
        for order in audit.orders
        if order.status == "confirmed"
    }


def _simulated(system: System, audit: Audit) -> dict[str, tuple[int, ...]]:
    if not system.speed:
        return {}
    return {
        order.order_id: simulated_ms(order.request, order.slot, system.speed)
        for order in audit.orders
        if order.request is not None and order.slot is not None
    }


async def _ledger(system: System, stack: AsyncExitStack) -> Ledger:
    if system.database_url is None:
        return HttpLedger(await stack.enter_async_context(Client(system.url)))
    ledger = PostgresLedger(system.database_url)
    stack.callback(ledger.close)
    return ledger


@asynccontextmanager
async def _shown(label: str, seen: Observations, total: int | None, progress: Progress) -> AsyncIterator[None]:
    """Show how many orders are over, looked up a few times a second, so that it costs nothing an order."""
    task = progress.add_task(label, total=total)

    async def refresh() -> None:
        while True:
            progress.update(task, completed=seen.over)
            await asyncio.sleep(REFRESH_S)

    async with background(refresh()):
        yield
    progress.update(task, completed=seen.over)


def _rate(count: int, elapsed_s: float) -> float:
    return count / elapsed_s if elapsed_s > 0 else 0.0
