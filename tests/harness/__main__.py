"""The judges' command line: `python -m tests.harness acceptance | bench | chaos`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from local.client.command_line import add_commands
from local.settings import interpreter
from orderflow.errors import OrderflowError
from orderflow.runtime.terminal import print_whatever_the_locale

DESCRIPTION = "Judges of a running system; each exits with 1 when a check fails."
COMMANDS = {
    "acceptance": (
        "tests.harness.acceptance",
        "check every promise of the API on a system that is started for it, or on the one at --base-url",
    ),
    "bench": ("tests.harness.bench", "measure a system that is started for it, or the one at --base-url, under load"),
    "chaos": ("tests.harness.chaos.command", "prove under faults that nothing is lost and nothing executed twice"),
}


def main() -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser(sys.argv[1:]).parse_args()
    module, _ = COMMANDS[arguments.command]
    try:
        status: int = import_module(module).run(arguments)
    except (OrderflowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return status


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line `words`: of all commands, with the options of the one that they name."""
    parser = argparse.ArgumentParser(prog=f"{interpreter()} -m tests.harness", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True)
    add_commands(commands, COMMANDS, words)
    return parser


if __name__ == "__main__":
    sys.exit(main())
