"""`python -m local dead-letters`: lists what was given up, shows it, sends it on its way again or throws it away."""

import argparse
from datetime import UTC, datetime

import msgspec
import redis
from rich.console import Console

from local.run.running_system import find
from local.settings import read_local_settings
from orderflow.adapters.partition_count import kept_partition_count
from orderflow.errors import OrderflowError, RejectedError
from orderflow.event_source.redrive import DeadLetterBox, Letter
from orderflow.runtime.clients import open_redis


class NoRedisError(OrderflowError):
    """There is no Redis to look into."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = "Without arguments: list the dead letters, of REDIS_URL or of the system that runs here."
    actions = parser.add_subparsers(dest="action", required=False)
    actions.add_parser("list", help="list the dead letters, as without arguments")
    for action, text in (
        ("show", "print a letter's record, and its order as it is now"),
        ("redrive", "put a letter's record back on its stream"),
        ("discard", "throw a letter away"),
    ):
        command = actions.add_parser(action, help=text)
        command.add_argument("names", nargs="*", metavar="LETTER", help="such as p0/1763835240000-0")
        command.add_argument("--all", action="store_true", help="every letter")


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return 0 when all of it could be done."""
    console = Console(soft_wrap=True)
    letters = _dead_letter_box()
    if arguments.action in (None, "list"):
        return _list(letters, console)
    if not arguments.names and not arguments.all:
        console.print("Name a letter, or say --all.")
        return 2
    failures = 0
    chosen = list(letters.letters()) if arguments.all else arguments.names
    if not chosen:
        console.print("There are no dead letters.")
    for each in chosen:
        try:
            _act(arguments.action, letters, each if isinstance(each, Letter) else letters.find(each), console)
        except RejectedError as error:
            console.print(str(error), style="red", markup=False)
            failures += 1
    return 1 if failures else 0


def _dead_letter_box() -> DeadLetterBox:
    settings = read_local_settings()
    system = find()
    if settings.redis_url:
        client = open_redis(settings.redis_url, cluster=settings.redis_cluster)
    elif system is not None and system.redis_url:
        client = open_redis(system.redis_url)
    else:
        raise NoRedisError("nothing runs here; start it (make run), or set REDIS_URL")
    try:
        # Of a Redis that has not been started with yet, the setting says it.
        partitions = kept_partition_count(client) or settings.partitions
    except redis.RedisError as error:
        raise NoRedisError(f"Redis does not answer: {error}") from error
    return DeadLetterBox(client, partitions)


def _list(letters: DeadLetterBox, console: Console) -> int:
    found = list(letters.letters())
    for letter in found:
        order = letters.order(letter)
        since = datetime.fromtimestamp(int(letter.id.partition("-")[0]) / 1000, UTC).astimezone()
        status = f"{order.status} now" if order else "not in Redis any more"
        console.print(
            f"{letter.name}  {since:%Y-%m-%d %H:%M:%S}  {letter.function}, {letter.attempts} attempts: {letter.error}\n"
            f"    order {letter.order_id or 'unknown'}, {status}",
            markup=False,
        )
    if not found:
        console.print("There are no dead letters.")
    return 0


def _act(action: str, letters: DeadLetterBox, letter: Letter, console: Console) -> None:
    match action:
        case "show":
            document = {"letter": letter.name, "record": letter.fields, "order": letters.order(letter)}
            console.print_json(msgspec.json.encode(document).decode())
        case "redrive":
            letters.redrive(letter)
            console.print(f"{letter.name} is on its way to {letter.function} again", markup=False)
        case "discard":
            letters.discard(letter)
            console.print(f"{letter.name} is thrown away", markup=False)
