"""`python -m orderflow.api_keys`: adds, lists, revokes and rotates the keys of the system whose stores are set."""

import argparse
import sys
from collections.abc import Sequence

from orderflow.api_keys.arguments import add_arguments
from orderflow.api_keys.commands import run
from orderflow.api_keys.open_sockets import Close, closing
from orderflow.errors import OrderflowError
from orderflow.runtime import clients
from orderflow.runtime.settings import SocketSettings, read_settings
from orderflow.runtime.terminal import print_whatever_the_locale

ENVIRONMENT = "live"


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser().parse_args(words)
    try:
        return run(arguments, clients.api_keys(), clients.redis_client, _close_sockets())
    except (OrderflowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _close_sockets() -> Close | None:
    """Return what closes sockets on API Gateway; the local gateway closes those of a key that has ended itself."""
    settings = read_settings(SocketSettings)
    if not settings.connections_endpoint or settings.connections_api != "aws":
        return None
    return closing(clients.redis_client, clients.sockets())


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m orderflow.api_keys",
        description="The keys that requests come with, recorded at DATABASE_URL and copied to REDIS_URL.",
    )
    add_arguments(parser, environment=ENVIRONMENT)
    return parser


if __name__ == "__main__":
    sys.exit(main())
