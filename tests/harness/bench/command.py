"""`python -m tests.harness bench`: load on a running system, or on one of its own; the figures out."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.client.api import Client
from local.client.command_line import INTERRUPTED, base_url_argument
from local.run.running_system import System, find
from local.settings import ROOT
from orderflow.errors import OrderflowError
from tests.harness.bench import closed_loop, imports, processor_time, routing
from tests.harness.bench.against import Pair, compare, run_pairs, tree_of
from tests.harness.bench.against import show as show_comparisons
from tests.harness.bench.closed_loop import Observations
from tests.harness.bench.ledger import HttpLedger, Ledger, PostgresLedger, wait_until_ended
from tests.harness.bench.orders import bodies
from tests.harness.bench.report import BenchResult, show
from tests.harness.own_system import shared_servers, started
from tests.harness.timings import Timings

WARM_UP_ORDERS = 200
WARM_UP_CLIENTS = 10
DRAIN_TIMEOUT_S = 120.0
REFRESH_S = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, and how."""

    orders: int
    concurrency: int
    sockets: bool
    unloaded: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Start a system and measure it, or measure the one at --base-url, where the orders then stay. Exits with 1 when"
        " an order was refused, lost or doubled, or a status was not delivered."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("orders", "routing", "imports"),
        default="orders",
        help="orders through a system (the default), the router alone, by the size of the trade, or the functions'"
        " imports, which a cold start waits for",
    )
    parser.add_argument("--orders", type=int, default=2000, help="how many orders to send (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=50, help="clients at the same time (default: %(default)s)")
    parser.add_argument(
        "--sockets",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="watch every order on a WebSocket and wait for its end before the next; without, only post",
    )
    parser.add_argument(
        "--unloaded", type=int, default=0, metavar="N", help="measure N single orders first, one at a time"
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--base-url", type=base_url_argument, help="the system to measure, such as http://127.0.0.1:3000"
    )
    target.add_argument(
        "--against", metavar="REF", help="measure this commit and this tree in turn, and print the ratios"
    )
    parser.add_argument(
        "--speed", type=float, default=0.0, help="SPEED of the system that is started (default: %(default)g)"
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=3,
        metavar="N",
        help="how many pairs of runs --against makes (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; return the exit status."""
    if arguments.what == "routing":
        return routing.main()
    if arguments.what == "imports":
        return imports.main()
    plan = Plan(arguments.orders, max(arguments.concurrency, 1), arguments.sockets, arguments.unloaded)
    console = Console(stderr=True)
    try:
        return (_run_against if arguments.against else _run_once)(arguments, plan, console)
    except (OrderflowError, aiohttp.ClientError) as error:
        console.print(f"bench: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run_once(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    system = find(arguments.base_url) if arguments.base_url else None
    if not arguments.json:
        console.print(_what_is_measured(system, arguments.speed), markup=False, highlight=False, soft_wrap=True)
    with nullcontext(system) if system else started(arguments.speed) as target:
        result = uvloop.run(measure(target, plan, _progress(console, hidden=arguments.json)))
    if arguments.json:
        _print_json(result.to_dict())
    else:
        show(result, Console())
    return 0 if result.clean else 1


def _run_against(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    def measure_one(tree: Path) -> BenchResult:
        with started(arguments.speed, tree) as target:
            return uvloop.run(measure(target, plan, _progress(console, hidden=True)))

    pairs: list[Pair] = []
    repeat = max(arguments.repeat, 1)
    with tree_of(arguments.against) as tree:
        for pair in run_pairs(repeat, lambda: measure_one(tree), lambda: measure_one(ROOT)):
            pairs.append(pair)
            rates = f"{pair.this.end_to_end_per_s:,.0f} orders a second, {pair.other.end_to_end_per_s:,.0f} there"
            console.print(f"pair {len(pairs)} of {repeat}: {rates}", highlight=False)
    comparisons = compare(pairs)
    if arguments.json:
        _print_json(comparisons)
    else:
        show_comparisons(arguments.against, comparisons, Console())
    return 0 if all(pair.other.clean and pair.this.clean for pair in pairs) else 1


def _print_json(document: object) -> None:
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def _what_is_measured(system: System | None, speed: float) -> str:
    if system is not None:
        pace = "" if system.speed is None else f" (SPEED={system.speed:g})"
        return f"Measuring the system at {system.url}{pace}; its ledger keeps the orders."
    running = find()
    beside = f"Left alone: the one at {running.url}; --base-url {running.url} measures it." if running else ""
    return " ".join(filter(None, (f"Starting a system with SPEED={speed:g} …", shared_servers(), beside)))


async def measure(system: System, plan: Plan, progress: Progress) -> BenchResult:
    """Warm up, then measure single orders and the load of `plan`, and compare with the ledger."""
    async with AsyncExitStack() as stack:
        ledger = await _ledger(system, stack)
        stack.enter_context(progress)
        await _send(system, ledger, min(WARM_UP_ORDERS, plan.orders), WARM_UP_CLIENTS, plan.sockets)
        unloaded, _ = await _send(system, ledger, plan.unloaded, 1, sockets=True)
        before = processor_time.read(system.processes)
        async with _shown("orders", plan.orders, progress) as seen:
            _, drained_at = await _send(system, ledger, plan.orders, plan.concurrency, plan.sockets, seen)
        after = processor_time.read(system.processes)
        audit = await ledger.audit(seen.accepted)
    accepted = len(seen.accepted)
    endings = seen.endings if plan.sockets else audit.endings
    ended = endings["confirmed"] + endings["failed"]
    return BenchResult(
        url=system.url,
        speed=system.speed,
        orders=plan.orders,
        concurrency=plan.concurrency,
        sockets=plan.sockets,
        accepted=accepted,
        refused=dict(seen.refusals),
        accepted_per_s=_rate(accepted, seen.last_accepted_at - seen.started_at),
        end_to_end_per_s=_rate(ended, drained_at - seen.started_at),
        post_to_202_ms=Timings.of(seen.post_ms),
        post_to_confirmed_ms=Timings.of(seen.confirmed_ms if plan.sockets else audit.confirmed_ms),
        confirmed=endings["confirmed"],
        failed=endings["failed"],
        never_ended=accepted - ended,
        statuses_delivered=seen.delivered if plan.sockets else audit.events,
        statuses_expected=seen.expected if plan.sockets else audit.events_expected,
        ledger_orders=audit.orders,
        processor_us_per_order=processor_time.per_order_us(before, after, accepted) if system.processes else {},
        unloaded_ms=Timings.of(unloaded.confirmed_ms),
    )


async def _ledger(system: System, stack: AsyncExitStack) -> Ledger:
    if system.database_url is None:
        return HttpLedger(await stack.enter_async_context(Client(system.url)))
    ledger = PostgresLedger(system.database_url)
    stack.callback(ledger.close)
    return ledger


async def _send(
    system: System, ledger: Ledger, orders: int, concurrency: int, sockets: bool, seen: Observations | None = None
) -> tuple[Observations, float]:
    """Send orders and wait until the ledger has the end of all; return what was seen and when that was."""
    seen = seen or Observations()
    if orders:
        await closed_loop.drive(system.url, bodies(orders), concurrency, sockets, seen)
    return seen, await wait_until_ended(ledger, seen.accepted, DRAIN_TIMEOUT_S)


@asynccontextmanager
async def _shown(label: str, total: int, progress: Progress) -> AsyncIterator[Observations]:
    """Yield observations whose progress is looked up a few times a second, so that it costs nothing an order."""
    seen = Observations()
    task = progress.add_task(label, total=total)

    async def refresh() -> None:
        while True:
            progress.update(task, completed=seen.over)
            await asyncio.sleep(REFRESH_S)

    refreshing = asyncio.create_task(refresh())
    try:
        yield seen
    finally:
        refreshing.cancel()
        with suppress(asyncio.CancelledError):
            await refreshing
        progress.update(task, completed=seen.over)


def _progress(console: Console, hidden: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
        refresh_per_second=4,
    )


def _rate(count: int, elapsed_s: float) -> float:
    return count / elapsed_s if elapsed_s > 0 else 0.0
