"""`python -m tests.harness chaos`: orders at a steady rate, faults from a seeded schedule, and an audit at the end."""

import argparse
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import uvloop
from rich.console import Console

from local.client.command_line import INTERRUPTED
from local.servers.socket_directory import socket_directory
from orderflow.errors import OrderflowError
from tests.harness.chaos.mock_market import LAUNCH_EVERY_SLOTS
from tests.harness.chaos.nemesis.disk import DiskError, SmallDisk
from tests.harness.chaos.nemesis.faults import kinds
from tests.harness.chaos.nemesis.network import Network
from tests.harness.chaos.nemesis.schedule import schedule
from tests.harness.chaos.report import ChaosReport, show
from tests.harness.chaos.run import Plan, Run
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.workload.accounts import OPEN, make_accounts
from tests.harness.own_system import own_system

INVOKER = "tests.harness.chaos.nemesis.faulty_invoker:faulty_invoker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Start a system, send it orders at a steady rate while faults are injected from a seeded schedule, let it come"
        " to rest, and audit that nothing was lost, doubled or reported wrongly. Exits with 1 when a promise was"
        " broken."
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="seconds during which faults are injected (default: %(default)g)"
    )
    parser.add_argument("--rate", type=float, default=50, help="orders a second (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule (default: %(default)s)")
    parser.add_argument("--faults", type=_faults, default=None, metavar="NAME,NAME", help="only these (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="poller processes (default: %(default)s)")
    parser.add_argument("--speed", type=float, default=0.2, help="SPEED of the system (default: %(default)g)")
    parser.add_argument(
        "--auth",
        choices=("keys", "open"),
        default="keys",
        help="AUTH of the system: keys has clients of several accounts (default: %(default)s)",
    )
    parser.add_argument("--logs", type=Path, metavar="DIRECTORY", help="keep the system's logs there")
    parser.add_argument("--list", action="store_true", help="list the faults, and when this seed injects each of them")


def run(arguments: argparse.Namespace) -> int:
    """Run and print; return the exit status."""
    console = Console()
    plan = make_plan(
        arguments.faults or sorted(kinds()),
        seconds=arguments.seconds,
        rate=arguments.rate,
        seed=arguments.seed,
        speed=arguments.speed,
        auth=arguments.auth,
    )
    if arguments.list:
        _list(plan, console)
        return 0
    try:
        report = inject_faults(plan, arguments.workers, lambda line: print(line, flush=True), arguments.logs)
    except (OrderflowError, aiohttp.ClientError) as error:
        Console(stderr=True).print(f"chaos: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    show(report, console)
    return 0 if report.clean else 1


def make_plan(names: list[str], *, seconds: float, rate: float, seed: int, speed: float, auth: str = "keys") -> Plan:
    """Return the faults, their times and the load of a run."""
    every = kinds()
    chosen = {name: every[name] for name in names}
    planned = schedule(seed, seconds, {name: kind.lasts_s for name, kind in chosen.items()})
    return Plan(planned, chosen, seconds, rate, seed, speed, auth)


def inject_faults(plan: Plan, workers: int, print_line: Callable[[str], None], logs: Path | None = None) -> ChaosReport:
    """Start a system of our own, inject the planned faults, and return the report; keep the system's logs in `logs`."""
    with _system_under_test(plan, workers) as (system, notes):
        try:
            system.own_system.start()
            accounts = make_accounts(system.own_system) if plan.auth == "keys" else OPEN
            report = uvloop.run(Run(system, plan, accounts, print_line).run())
        finally:
            if logs is not None:
                shutil.copytree(system.own_system.home / "logs", logs, dirs_exist_ok=True)
                shutil.copy(system.own_system.output, logs)
    if missing := sorted(plan.kinds.keys() - {planned.name for planned in plan.schedule}):
        notes.append(f"no time for {', '.join(missing)}; give it more --seconds")
    report.notes += notes
    return report


@contextmanager
def _system_under_test(plan: Plan, workers: int) -> Iterator[tuple[SystemUnderTest, list[str]]]:
    """Lend a system with all that the planned faults need, not started yet, and notes for the report."""
    notes: list[str] = []
    names = {planned.name for planned in plan.schedule}
    with ExitStack() as stack:
        launches = {"LAUNCH_EVERY_SLOTS": str(LAUNCH_EVERY_SLOTS)}
        settings = {"WORKERS": str(workers), "SPEED": f"{plan.speed:g}", "AUTH": plan.auth, **launches}
        own = stack.enter_context(own_system(settings, own_servers=True))
        directory = own.home.parent
        system = SystemUnderTest(own, workers, directory / "faults.json")
        own.settings |= {"INVOKER": INVOKER, "FAULTS_FILE": str(system.faults_file)}
        if "cut-poller" in names:
            redis_socket = socket_directory(own.home) / "redis.sock"
            system.network = Network(directory, redis_socket, system.pollers)
            stack.callback(system.network.close)
            own.settings["POLLER_REDIS_URL"] = system.network.url
        if "postgres-disk-full" in names:
            disk = SmallDisk(own.home)
            try:
                disk.mount()
            except DiskError as error:
                notes.append(f"postgres-disk-full is not possible here: {error}")
            else:
                stack.callback(disk.unmount)
                system.disk = disk
        # Last in, first out: the system stops before its disk and network are removed.
        stack.callback(lambda: own.is_running and own.stop())
        yield system, notes


def _faults(text: str) -> list[str]:
    """Return the faults that a command line names; raises argparse's error for one that does not exist."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := sorted(set(names) - kinds().keys()):
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(unknown)}; --list shows them")
    return names


def _list(plan: Plan, console: Console) -> None:
    for name, kind in plan.kinds.items():
        console.print(f"  {name:<22} {kind.about}", markup=False, highlight=False)
    console.print(f"\nwith --seed {plan.seed} in {plan.seconds:g} s:", highlight=False)
    for planned in plan.schedule:
        console.print(f"  {planned.at_s:6.1f} s  {planned.name}", highlight=False)
