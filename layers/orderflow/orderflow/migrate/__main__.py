"""`python -m orderflow.migrate [--to REVISION]`: brings the ledger at DATABASE_URL to a schema, and says so.

Where secrets are named for it (`logins.py`), the roles are made with which functions log in.
"""

import argparse
import sys
from collections.abc import Sequence

from orderflow.errors import OrderflowError
from orderflow.migrate import NEWEST, migrate
from orderflow.migrate.logins import make_roles, read_logins
from orderflow.runtime.clients import database_url
from orderflow.runtime.terminal import print_whatever_the_locale


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status."""
    print_whatever_the_locale()
    arguments = make_parser().parse_args(words)
    try:
        logins = read_logins()
        print(migrate(database_url(), arguments.to) or "The ledger has the schema that was asked for.")
        if logins:
            make_roles(database_url(), logins)
            print(f"These roles may use it: {', '.join(login.username for login in logins.values())}.")
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
