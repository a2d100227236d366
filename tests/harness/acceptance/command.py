"""`python -m tests.harness acceptance`: the suites against a running system, or one started for them."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from rich.console import Console

from local.client.command_line import INTERRUPTED, base_url_argument
from local.run.running_system import System
from orderflow.errors import OrderflowError
from tests.harness.acceptance.narrator import Narrator
from tests.harness.acceptance.runner import SUITES, run_suites
from tests.harness.own_system import LAUNCHES, own_system, shared_servers
from tests.support.access_table import RunKeys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Prove from the outside, over HTTP and WebSocket alone, that a system does what its API promises; print every"
        " step and exit with 1 when a check fails. Starts a system, which asks for keys, when no base URL is given."
    )
    parser.add_argument("--base-url", type=base_url_argument, help="the system to try, such as http://127.0.0.1:3000")
    parser.add_argument(
        "--socket-url", metavar="URL", help="where its WebSockets are, when not below the base URL (ws:// or wss://)"
    )
    parser.add_argument(
        "--suite",
        nargs="+",
        choices=list(SUITES),
        default=[],
        metavar="NAME",
        help=f"only these of: {', '.join(SUITES)}",
    )
    parser.add_argument("--quick", action="store_true", help="fewer orders at once")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="SPEED of the system that is started (default: %(default)g)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the suites and return the exit status."""
    console = Console()
    given = System(arguments.base_url) if arguments.base_url else None
    try:
        if given is None:
            said = f"No base URL given: starting a system with SPEED={arguments.speed:g} … {shared_servers()}"
            console.print(said.rstrip(), markup=False, highlight=False, soft_wrap=True)
        with _target(given, arguments.speed) as (url, run_keys):
            report = asyncio.run(
                run_suites(url, arguments.suite, arguments.quick, Narrator(console), arguments.socket_url, run_keys)
            )
    except (OrderflowError, aiohttp.ClientError) as error:
        Console(stderr=True).print(f"acceptance: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0 if report.passed else 1


@contextmanager
def _target(given: System | None, speed: float) -> Iterator[tuple[str, RunKeys | None]]:
    """Lend the URL of the system to try, and the command for its keys where it is one of our own."""
    if given is not None:
        yield given.url, None
        return
    with own_system({"SPEED": f"{speed:g}", "AUTH": "keys", **LAUNCHES}) as own:
        yield own.start().url, own.keys
