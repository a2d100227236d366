"""A chaos run from start to audit: a plan in, the report out."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import psutil
import redis

from orderflow.errors import OrderflowError
from tests.harness.chaos import settle
from tests.harness.chaos.faults import Fault, Kind
from tests.harness.chaos.load import Load
from tests.harness.chaos.probe import Prober
from tests.harness.chaos.report import FaultRecord, Report
from tests.harness.chaos.schedule import Planned
from tests.harness.chaos.stalls import Window
from tests.harness.chaos.system_under_test import NotPossibleHereError, SystemUnderTest
from tests.harness.chaos.watchers import Watchers
from tests.harness.own_system import SystemNotReadyError

SOCKETS = 8
WARM_UP_S = 30.0
CLOCK_MARGIN_S = 1.0
"""A poller notices at its next invocation that its clock is right again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen: `schedule` of `kinds`, at `rate` orders a second for at least `seconds`."""

    schedule: Sequence[Planned]
    kinds: Mapping[str, Kind]
    seconds: float
    rate: float
    seed: int
    speed: float


class Run:
    """One run against `subject`, whose system runs already; `tell` is given a line as soon as there is one."""

    def __init__(self, subject: SystemUnderTest, plan: Plan, tell: Callable[[str], None]) -> None:
        self._subject = subject
        self._plan = plan
        self._tell = tell
        self._watchers = Watchers(subject.system.url, SOCKETS)
        self._load = subject.load = Load(subject.system.url, plan.seed, self._watchers.watch)
        self._prober = Prober(subject, self._load, len(subject.partitions) - 1)
        self._standstills: list[Window] = []
        self._wrong_clocks: list[Window] = []
        self._report = Report()
        self._started_at = 0.0

    async def run(self) -> Report:
        """Send, break, heal, wait until all is quiet, and audit."""
        if await self._prober.recovered(time.monotonic()) is None:
            raise SystemNotReadyError("the system does not work even before the first fault")
        stop = asyncio.Event()
        watching = asyncio.create_task(self._watchers.run())
        loading = asyncio.create_task(self._load.run(self._plan.rate, stop))
        self._started_at, self._report.started_s = time.monotonic(), time.time()
        try:
            for planned in self._plan.schedule:
                await self._sleep_until(planned.at_s)
                self._report.happened.append(await self._inject(planned))
                self._tell(self._report.happened[-1].line())
            await self._sleep_until(self._plan.seconds)
            stop.set()
            await loading
            evidence = await settle.quiet(self._subject, self._load, self._watchers)
        finally:
            for task in (loading, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        settle.judge(self._report, evidence, self._plan.speed, self._standstills, self._wrong_clocks)
        return self._report

    async def _inject(self, planned: Planned) -> FaultRecord:
        """Inject a fault, heal it, and measure how long the system takes to recover."""
        kind = self._plan.kinds[planned.name]
        happened = FaultRecord(time.monotonic() - self._started_at, planned.name)
        try:
            fault = kind.make(self._subject, Random(planned.draw))
        except NotPossibleHereError as error:
            happened.problem, happened.is_note = str(error), True
            return happened
        offset, from_s, since = self._subject.written(), time.time(), time.monotonic()
        try:
            healing_at = await self._inject_and_heal(fault, kind.hold_s)
            happened.target = fault.target
            since = healing_at if fault.lasting else since
        except (OrderflowError, OSError, psutil.Error, redis.RedisError) as error:
            happened.problem = f"{type(error).__name__}: {error}"
        happened.recovered_s, replaced_s = await asyncio.gather(
            self._prober.recovered(since), self._prober.replaced(fault.victims, offset, since)
        )
        if fault.victims:
            happened.replaced_s = replaced_s
        window = Window(from_s, time.time() + CLOCK_MARGIN_S)
        if kind.stops_everything:
            self._standstills.append(window)
        if planned.name == "clock":
            self._wrong_clocks.append(window)
        await self._check_runner()
        return happened

    @staticmethod
    async def _inject_and_heal(fault: Fault, hold_s: float) -> float:
        """Return when the healing began, on the monotonic clock."""
        try:
            await asyncio.to_thread(fault.inject)
            await asyncio.sleep(hold_s)
        finally:
            healing_at = time.monotonic()
            # Not to be cut short by Ctrl-C: what stays frozen or full would be in the way of stopping.
            await asyncio.shield(asyncio.to_thread(fault.heal))
        return healing_at

    async def _check_runner(self) -> None:
        """Start the system again where its runner has ended without being asked to, and note that it had."""
        status = self._subject.system.poll()
        if status is not None:
            self._report.runner_deaths.append(f"it ended with status {status}")
            await asyncio.to_thread(self._subject.system.start)

    async def _sleep_until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self._started_at + at_s - time.monotonic()))
