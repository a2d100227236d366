"""A chaos run from its first order to the audit: a plan in, the report out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from threading import Event

import psutil
import redis

from local.client.api import Client
from orderflow.errors import OrderflowError
from tests.harness.chaos.checkers import verdict
from tests.harness.chaos.checkers.drain import drain
from tests.harness.chaos.checkers.recovery import RecoveryProbe
from tests.harness.chaos.history.evidence import gather
from tests.harness.chaos.history.fault_record import FaultRecord, Window
from tests.harness.chaos.history.feed import AccountViews
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.mock_market import TickReader, simulated_delay_s
from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.nemesis.schedule import Planned
from tests.harness.chaos.report import ChaosReport
from tests.harness.chaos.system_under_test import NotPossibleHereError, SystemUnderTest
from tests.harness.chaos.workload.accounts import Accounts
from tests.harness.chaos.workload.changes import Changes
from tests.harness.chaos.workload.followers import Followers
from tests.harness.chaos.workload.intruders import Intruders
from tests.harness.chaos.workload.launches import LaunchList
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.orders import PAIRS
from tests.harness.chaos.workload.prices import PriceList
from tests.harness.chaos.workload.watchers import Watchers
from tests.harness.own_system import SystemNotReadyError

SOCKETS = 9
CLOCK_MARGIN_S = 1.0
"""A poller notices at its next invocation that its clock is right again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults of `kinds` at the times of `schedule`, under `rate` orders a second, for at least `seconds`.

    `auth` is AUTH of the system: with keys its clients have several accounts.
    """

    schedule: Sequence[Planned]
    kinds: Mapping[str, Kind]
    seconds: float
    rate: float
    seed: int
    speed: float
    auth: str


class Run:
    """One run against `system`, which has been started; `print_line` is called with a line after each fault."""

    def __init__(
        self, system: SystemUnderTest, plan: Plan, accounts: Accounts, print_line: Callable[[str], None]
    ) -> None:
        self._system = system
        self._plan = plan
        self._print_line = print_line
        url, seed = system.url, plan.seed
        self._watchers = Watchers(url, SOCKETS, accounts)
        self._followers = Followers(url, accounts)
        self._prices = PriceList()
        self._launches = LaunchList()
        self._load = system.load = OpenLoop(url, seed, self._accepted, self._prices, self._launches, accounts)
        self._intruders = Intruders(url, accounts, seed, lambda: self._load.posts)
        self._changes = Changes(url, seed, self._launches, accounts)
        self._ticks = TickReader()
        self._probe = RecoveryProbe(system, self._load, system.partition_count)
        self._standstills: list[Window] = []
        self._wrong_clocks: list[Window] = []
        self._report = ChaosReport()
        self._started_at = 0.0

    async def run(self) -> ChaosReport:
        """Send orders, inject faults and heal them, wait until the system is at rest, and audit."""
        async with self._clients() as finish:
            if await self._probe.recovered(time.monotonic()) is None:
                raise SystemNotReadyError("the system does not work even before the first fault")
            self._started_at, self._report.started_s = time.monotonic(), time.time()
            for planned in self._plan.schedule:
                await self._sleep_until(planned.at_s)
                self._report.faults.append(await self._inject(planned))
                self._print_line(self._report.faults[-1].line())
            await self._sleep_until(self._plan.seconds)
            await finish()
            drained = await drain(self._system, self._load, self._changes, self._watchers, self._followers)
            evidence = await gather(
                self._system,
                self._load,
                self._changes,
                self._watchers,
                self._ticks.ticks,
                await self._views(),
                drained.judged_until_s,
            )
        self._report.invariants = verdict.check_all(
            evidence,
            self._report.faults,
            self._report.runner_deaths,
            simulated_delay_s(self._plan.speed),
            self._standstills,
            self._wrong_clocks,
        )
        self._report.counts = verdict.count_all(evidence, drained)
        return self._report

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[Callable[[], Awaitable[object]]]:
        """Have all clients at work, and the ticks read; lend what has the clients finish what they have begun."""
        stop, stop_reading = asyncio.Event(), Event()
        async with Client(self._system.url) as client:
            await self._prices.ask(client, PAIRS)
        # Before the first order, so that each has all its statuses in its account's feed.
        endless = [asyncio.create_task(self._followers.run())]
        await self._followers.are_subscribed()
        finite = [
            asyncio.create_task(self._load.run(self._plan.rate, stop)),
            asyncio.create_task(self._changes.run(stop)),
        ]
        endless += [
            asyncio.create_task(self._intruders.run()),
            asyncio.create_task(self._prices.run(self._system.url, PAIRS)),
            asyncio.create_task(self._launches.run(self._system.url)),
            asyncio.create_task(self._watchers.run()),
            asyncio.create_task(asyncio.to_thread(self._ticks.read, self._system.redis, stop_reading)),
        ]

        async def finish() -> None:
            stop.set()
            await asyncio.gather(*finite)

        try:
            yield finish
        finally:
            stop_reading.set()
            for task in (*finite, *endless):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _accepted(self, post: Post) -> None:
        self._watchers.watch(min(post.order_ids), post.account)
        self._changes.consider(post)

    async def _views(self) -> AccountViews:
        strays = [
            f"{order_id}: {watcher.account} received it on a socket, unasked"
            for watcher in self._watchers.all
            for order_id in watcher.strays
        ]
        lists = await self._intruders.lists()
        return AccountViews(self._followers.feeds, self._intruders.tries, self._intruders.trespasses + strays, lists)

    async def _inject(self, planned: Planned) -> FaultRecord:
        """Inject a fault, heal it, and measure how long the system takes to recover."""
        kind = self._plan.kinds[planned.name]
        record = FaultRecord(time.monotonic() - self._started_at, planned.name)
        try:
            fault = kind.make(self._system, Random(planned.draw))
        except NotPossibleHereError as error:
            record.problem, record.is_note = str(error), True
            return record
        offset, from_s, since = self._system.output_size(), time.time(), time.monotonic()
        try:
            healing_at = await self._inject_and_heal(fault, kind.hold_s)
            record.target = fault.target
            since = healing_at if fault.lasting else since
        except (OrderflowError, OSError, psutil.Error, redis.RedisError) as error:
            record.problem = f"{type(error).__name__}: {error}"
        record.recovered_s, replaced_s = await asyncio.gather(
            self._probe.recovered(since), self._probe.replaced(fault.victims, offset, since)
        )
        if fault.victims:
            record.replaced_s = replaced_s
        window = Window(from_s, time.time() + CLOCK_MARGIN_S)
        if kind.stops_everything:
            self._standstills.append(window)
        if kind.sets_a_clock:
            self._wrong_clocks.append(window)
        await self._check_runner()
        return record

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
        status = self._system.own_system.exit_status()
        if status is not None:
            self._report.runner_deaths.append(f"it ended with status {status}")
            await asyncio.to_thread(self._system.own_system.start)

    async def _sleep_until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self._started_at + at_s - time.monotonic()))
