"""`python -m orderflow.migrate [--to REVISION]`: brings the ledger at DATABASE_URL to a schema, and says so."""

import argparse
import sys
from collections.abc import Sequence

from orderflow.errors import OrderflowError
from orderflow.migrate import NEWEST, migrate
from orderflow.runtime.clients import database_url
from orderflow.runtime.terminal import print_whatever_the_locale


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser().parse_args(words)
    try:
        print(migrate(database_url(), arguments.to) or "The ledger has the schema that was asked for.")
    except (OrderflowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m orderflow.migrate",
        description="Bring the ledger at DATABASE_URL to its latest schema, or to --to.",
    )
    parser.add_argument(
        "--to",
        metavar="REVISION",
        default=NEWEST,
        help="up or down to this revision, such as 0002; down loses what the later ones added",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
