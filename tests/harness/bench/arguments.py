"""The bench's command line: what there is to measure and how, in; the plan that it comes to, out."""

import argparse

from local.client.command_line import base_url_argument
from tests.harness.bench import resting, sniper
from tests.harness.bench.flat import CONDITIONS
from tests.harness.bench.load import IN_FLIGHT, Load
from tests.harness.bench.measurement import WARM_UP_S, Plan
from tests.harness.bench.mix import MIXES

DEFAULT_SECONDS = 20.0
PAIRS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Start a system and measure it, or measure the one at --base-url, where the orders then stay. Exits with 1 when"
        " an order was refused, lost or doubled, or a status was not delivered."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("orders", "flat", "resting", "sniper", "limits", "access", "floors", "routing", "desk", "imports"),
        default="orders",
        help="orders: a load through a system (the default); flat: what an order costs when the system is old, full or"
        " set otherwise; resting: what orders that wait cost while they rest, and how they fire; sniper: how soon"
        " orders that wait for a launch buy, beside market orders; limits: what it costs to count requests, and how"
        " an account fares beside one far beyond its limit; access: what it costs that everything needs a key, by"
        " runs with AUTH=open and AUTH=keys in turn; floors: what the parts of an order would cost alone;"
        " routing: the router alone, by the size of the trade; desk: the page's frames in Chromium while a thousand"
        " orders change; imports: the functions' imports, which a cold start waits for",
    )
    _add_load(parser)
    _add_procedure(parser)
    parser.add_argument(
        "--condition",
        action="append",
        choices=tuple(CONDITIONS),
        help="of flat: only this one; may be given several times",
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
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def _add_load(parser: argparse.ArgumentParser) -> None:
    load = parser.add_argument_group("the load")
    load.add_argument(
        "--orders",
        type=int,
        metavar="N",
        help=f"post so many orders; of resting: so many rest (default: {resting.MANY:,}), of sniper: so many wait"
        f" for one launch (default: {sniper.CROWD:,})",
    )
    load.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help=f"post for so long (default: {DEFAULT_SECONDS:g}); with --orders, whichever is over first",
    )
    load.add_argument("--concurrency", type=int, default=50, metavar="N", help="clients (default: %(default)s)")
    load.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help="an open loop: N orders a second are due, and latencies count from then; without, a client posts its next"
        f" order when the last one has ended; of sniper: that of its market orders (default: {sniper.LOAD.rate:g})",
    )
    load.add_argument(
        "--sockets",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="watch every order on a WebSocket; without, the ledger shows how orders end",
    )
    load.add_argument(
        "--orders-per-socket",
        type=int,
        metavar="N",
        help="open a socket for N orders and close it when they have ended (default: each client keeps one)",
    )
    load.add_argument(
        "--in-flight",
        type=int,
        default=IN_FLIGHT,
        metavar="N",
        help="without sockets and --rate: post only while fewer orders are under way (default: %(default)s)",
    )
    load.add_argument(
        "--batch",
        type=int,
        choices=range(1, 101),
        default=1,
        metavar="N",
        help="N clients share a request: what they post at once is one batch, 1 to 100 orders (default: %(default)s)",
    )
    load.add_argument(
        "--mix",
        choices=tuple(MIXES),
        default="mixed",
        help="mixed: $10 to $10,000, log-normal, between any tokens (the default); small: $10 to $50 between tokens"
        " that have pools of their own. Both directions alternate, so prices stay where they are",
    )


def _add_procedure(parser: argparse.ArgumentParser) -> None:
    procedure = parser.add_argument_group("the procedure")
    procedure.add_argument(
        "--warm-up",
        type=float,
        default=WARM_UP_S,
        metavar="S",
        help="the same load first, until its rate is steady, for at most so long (default: %(default)g)",
    )
    procedure.add_argument(
        "--unloaded", type=int, default=0, metavar="N", help="measure N single orders first, one at a time"
    )
    procedure.add_argument(
        "--repeat",
        type=int,
        metavar="N",
        help="measure N times, and print medians and ranges; with --against, and of access, N pairs; of flat N of each"
        f" condition, of resting and sniper N pairs of market orders (default: 1; with --against and of access {PAIRS},"
        f" of sniper {sniper.PAIRS})",
    )


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what the command line asks to be sent."""
    by_time = arguments.seconds is not None or arguments.orders is None
    load = Load(
        orders=arguments.orders,
        seconds=(arguments.seconds or DEFAULT_SECONDS) if by_time else None,
        concurrency=max(arguments.concurrency, 1),
        sockets=arguments.sockets,
        orders_per_socket=arguments.orders_per_socket,
        rate=arguments.rate,
        in_flight=arguments.in_flight,
        mix=arguments.mix,
        batch=arguments.batch,
    )
    repeat = 1 if arguments.against or arguments.what == "access" else max(arguments.repeat or 1, 1)
    return Plan(load, arguments.warm_up, arguments.unloaded, repeat)
