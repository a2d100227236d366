"""`python -m tests.harness bench`: load on a running system, or on one of its own; the figures out."""

import argparse
import resource
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import orjson
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.client.command_line import INTERRUPTED
from local.run.running_system import System, find
from local.settings import ROOT
from orderflow.errors import OrderflowError
from tests.harness.bench import access, imports, resting, routing, sniper
from tests.harness.bench.against import Pair, compare, run_pairs, tree_of
from tests.harness.bench.against import show as show_comparisons
from tests.harness.bench.arguments import PAIRS, plan_of
from tests.harness.bench.figures import summarize, table_of_runs
from tests.harness.bench.flat import CONDITIONS, run_flat
from tests.harness.bench.flat import show as show_flat
from tests.harness.bench.floors import run_floors
from tests.harness.bench.floors import show as show_floors
from tests.harness.bench.limited import run_limited
from tests.harness.bench.limited import show as show_limited
from tests.harness.bench.measurement import Plan, measure
from tests.harness.bench.report import BenchResult, show
from tests.harness.own_system import shared_servers, started

USAGE = 2
"""Exit status of a command line that can't be meant."""


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; return the exit status."""
    console = Console(stderr=True)
    if arguments.what != "orders" and (arguments.against or arguments.base_url):
        console.print(f"bench: {arguments.what} takes neither --against nor --base-url", style="red", highlight=False)
        return USAGE
    if arguments.what == "routing":
        return routing.main()
    if arguments.what == "imports":
        return imports.main()
    _allow_many_files()
    try:
        if arguments.what == "floors":
            show_floors(run_floors(), Console())
            return 0
        if arguments.what == "limits":
            show_limited(run_limited(), Console())
            return 0
        if arguments.what == "desk":
            return _run_desk(arguments, console)
        if arguments.what == "resting":
            return _run_resting(arguments, console)
        if arguments.what == "sniper":
            return _run_sniper(arguments, console)
        if arguments.what == "access":
            return _run_access(arguments, console)
        measure_it = _run_flat if arguments.what == "flat" else _run_against if arguments.against else _run_alone
        return measure_it(arguments, plan_of(arguments), console)
    except (OrderflowError, aiohttp.ClientError) as error:
        console.print(f"bench: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run_alone(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    system = find(arguments.base_url) if arguments.base_url else None
    if not arguments.json:
        console.print(_what_is_measured(system, arguments.speed), markup=False, highlight=False, soft_wrap=True)
    with nullcontext(system) if system else started(arguments.speed) as target:
        results = uvloop.run(measure(target, plan, _progress(console, hidden=arguments.json)))
    if arguments.json:
        documents = [result.to_dict() for result in results]
        _print_json(documents[0] if len(documents) == 1 else {"runs": documents, "figures": summarize(results)})
    else:
        _show(results, Console())
    return 0 if all(result.clean for result in results) else 1


def _show(results: Sequence[BenchResult], console: Console) -> None:
    for result in results:
        show(result, console)
    if len(results) > 1:
        console.print(table_of_runs(summarize(results), len(results)))


def _run_against(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    def measure_one(tree: Path) -> BenchResult:
        with started(arguments.speed, tree) as target:
            [result] = uvloop.run(measure(target, plan, _progress(console, hidden=True)))
        return result

    pairs: list[Pair] = []
    repeat = max(arguments.repeat or PAIRS, 1)
    with tree_of(arguments.against) as tree:
        for pair in run_pairs(repeat, lambda: measure_one(tree), lambda: measure_one(ROOT)):
            pairs.append(pair)
            rates = f"{pair.this.end_to_end_per_s:,.0f} orders a second, {pair.other.end_to_end_per_s:,.0f} there"
            console.print(f"pair {len(pairs)} of {repeat}: {rates}", highlight=False)
            console.print(f"  {pair.this.warm_up}; {pair.this.pace}", markup=False, highlight=False, soft_wrap=True)
    comparisons = compare(pairs)
    if arguments.json:
        _print_json(comparisons)
    else:
        show_comparisons(arguments.against, comparisons, Console())
    return 0 if all(pair.other.clean and pair.this.clean for pair in pairs) else 1


def _run_access(arguments: argparse.Namespace, console: Console) -> int:
    result = access.run_access(
        plan_of(arguments),
        max(arguments.repeat or PAIRS, 1),
        arguments.speed,
        lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
    )
    if arguments.json:
        _print_json({"measured": result, "wanted": [each._asdict() for each in access.wanted(result)]})
    else:
        access.show(result, Console())
    return 0 if result.reached else 1


def _run_flat(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    result = run_flat(
        arguments.condition or list(CONDITIONS),
        replace(plan, repeat=1),
        max(arguments.repeat or 1, 1),
        lambda line: console.print(line, markup=False, highlight=False),
    )
    if arguments.json:
        _print_json(result)
    else:
        show_flat(result, Console())
    return 0 if result.clean and result.flat else 1


def _run_resting(arguments: argparse.Namespace, console: Console) -> int:
    result = resting.run_resting(
        max(arguments.orders or resting.MANY, resting.FEW + 1),
        max(arguments.repeat or 1, 1),
        lambda line: console.print(line, markup=False, highlight=False),
    )
    if arguments.json:
        _print_json({"measured": result, "wanted": [each._asdict() for each in resting.wanted(result)]})
    else:
        resting.show(result, Console())
    return 0 if result.reached else 1


def _run_sniper(arguments: argparse.Namespace, console: Console) -> int:
    result = sniper.run_sniper(
        max(arguments.orders or sniper.CROWD, 1),
        max(arguments.repeat or sniper.PAIRS, 1),
        lambda line: console.print(line, markup=False, highlight=False),
        replace(sniper.LOAD, rate=arguments.rate or sniper.LOAD.rate),
    )
    if arguments.json:
        _print_json(result)
    else:
        sniper.show(result, Console())
    return 0 if result.reached else 1


def _run_desk(arguments: argparse.Namespace, console: Console) -> int:
    try:
        from tests.harness.bench import desk
    except ModuleNotFoundError as error:  # what drives a browser comes with the tests
        console.print(f"bench: {error}: `make .venv/.to-test` installs it", style="red", highlight=False)
        return USAGE
    results = desk.run_desk(lambda line: console.print(line, highlight=False), arguments.seconds or desk.SECONDS)
    if arguments.json:
        _print_json(results)
    else:
        desk.show(results, Console())
    return 0 if all(result.reached for result in results) else 1


def _print_json(document: object) -> None:
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def _what_is_measured(system: System | None, speed: float) -> str:
    if system is not None:
        pace = "" if system.speed is None else f" (SPEED={system.speed:g})"
        return f"Measuring the system at {system.url}{pace}; its ledger keeps the orders."
    running = find()
    beside = f"Left alone: the one at {running.url}; --base-url {running.url} measures it." if running else ""
    return " ".join(filter(None, (f"Starting a system with SPEED={speed:g} …", shared_servers(), beside)))


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


def _allow_many_files() -> None:
    """Raise the number of files that may be open to what is allowed at most: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS calls its limit infinite, but does not take that for an answer.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
