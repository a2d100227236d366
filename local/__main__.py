"""The command line of this machine: `python -m local up`, or another of the commands that `--help` lists."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from local.client.command_line import add_commands
from local.settings import interpreter
from orderflow.errors import OrderflowError
from orderflow.runtime.terminal import print_whatever_the_locale

CLIENTS = {
    "watch": ("local.client.watch", "place an order and follow it here, or follow one that is on its way"),
    "keys": ("local.api_keys", "add, list, revoke or rotate the keys that requests come with"),
    "dead-letters": ("local.dead_letters", "list, show, redrive or discard the records that were given up"),
}


def main() -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser(sys.argv[1:]).parse_args()
    try:
        return _run(arguments)
    except (OrderflowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line `words`: of all commands, with the options of the one that they name."""
    parser = argparse.ArgumentParser(prog=f"{interpreter()} -m local", description="Orderflow on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and keep it running; settings come from the environment")
    up.add_argument("--invoke", choices=["here", "lambda"], help="where the functions run; INVOKE, by default here")
    up.add_argument("--lambda-endpoint", metavar="URL", help="where Lambda is; LAMBDA_ENDPOINT, by default SAM's")
    commands.add_parser("services", help="start Redis and Postgres alone, where functions in containers reach them")
    add_commands(commands, CLIENTS, words)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "up":
        from local.run.runner import run
        from local.settings import read_local_settings

        return run(read_local_settings(invoke=arguments.invoke, lambda_endpoint=arguments.lambda_endpoint))
    if arguments.command == "services":
        from local.run.services import run
        from local.settings import read_local_settings

        return run(read_local_settings())
    module, _ = CLIENTS[arguments.command]
    status: int = import_module(module).run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
