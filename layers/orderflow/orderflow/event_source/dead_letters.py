"""Lists, shows, redrives or discards the records that were given up: `python -m orderflow.event_source.dead_letters`.

The partitions follow from EVENT_SOURCES and PARTITIONS, as the event source's do; Redis is that of REDIS_URL.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import redis

from orderflow.adapters.dead_letters import DeadLetter, DeadLetters
from orderflow.adapters.partition_count import kept_partition_count
from orderflow.errors import OrderflowError, RejectedError, RetryableError
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from orderflow.event_source.settings import EventSourceSettings, connect
from orderflow.runtime.settings import read_settings
from orderflow.runtime.terminal import print_whatever_the_locale


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser().parse_args(words)
    try:
        settings = read_settings(EventSourceSettings)
        return run(arguments, connect(settings, connections=1), settings.bindings, settings.partitions)
    except OrderflowError as error:
        print(error, file=sys.stderr)
        return 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m orderflow.event_source.dead_letters",
        description="Without arguments: list the dead letters, of the Redis of REDIS_URL.",
    )
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    actions = parser.add_subparsers(dest="action", required=False)
    actions.add_parser("list", help="list the dead letters, as without arguments")
    for action, text in (
        ("show", "print a dead letter's record, and its order as it is now"),
        ("redrive", "put a dead letter's record back on its stream"),
        ("discard", "delete a dead letter"),
    ):
        command = actions.add_parser(action, help=text)
        command.add_argument("names", nargs="*", metavar="LETTER", help="such as p0/1763835240000-0")
        command.add_argument("--all", action="store_true", help="every dead letter")


def run(
    arguments: argparse.Namespace, client: redis.Redis, mappings: Iterable[EventSourceMapping], partitions: int
) -> int:
    """Do what the arguments say; return 0 when all of it could be done.

    Before the first start with this Redis its orders lie in as many `partitions`; later it knows how many itself.
    Raises RetryableError when Redis does not answer.
    """
    try:
        count = kept_partition_count(client) or partitions
        return _run(arguments, DeadLetters(client, partitions_of(mappings, count)))
    except redis.RedisError as error:
        raise RetryableError(f"Redis does not answer: {error}") from error


def _run(arguments: argparse.Namespace, letters: DeadLetters) -> int:
    if arguments.action in (None, "list"):
        return _list(letters)
    if not arguments.names and not arguments.all:
        print("Name a dead letter, or say --all.")
        return 2
    failures = 0
    chosen = list(letters.all()) if arguments.all else arguments.names
    if not chosen:
        print("There are no dead letters.")
    for each in chosen:
        try:
            _act(arguments.action, letters, each if isinstance(each, DeadLetter) else letters.find(each))
        except RejectedError as error:
            print(error)
            failures += 1
    return 1 if failures else 0


def _list(letters: DeadLetters) -> int:
    found = list(letters.all())
    for letter in found:
        order = letters.order(letter)
        since = datetime.fromtimestamp(letter.at_ms / 1000, UTC).astimezone()
        status = f"{order.status} now" if order else "not in Redis any more"
        print(
            f"{letter.name}  {since:%Y-%m-%d %H:%M:%S}  {letter.function}, {letter.attempts} attempts: {letter.error}\n"
            f"    order {letter.order_id or 'unknown'}, {status}"
        )
    if not found:
        print("There are no dead letters.")
    return 0


def _act(action: str, letters: DeadLetters, letter: DeadLetter) -> None:
    match action:
        case "show":
            document = {"letter": letter.name, "record": letter.fields, "order": letters.order(letter)}
            print(msgspec.json.format(msgspec.json.encode(document)).decode())
        case "redrive":
            letters.redrive(letter)
            print(f"{letter.name} is on its way to {letter.function} again")
        case "discard":
            letters.discard(letter)
            print(f"{letter.name} is discarded")


if __name__ == "__main__":
    sys.exit(main())
