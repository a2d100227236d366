"""Brings the ledger's schema to a revision: a database URL in, Alembic's migrations applied."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pg8000.exceptions
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from orderflow.adapters.postgres import connection_arguments
from orderflow.errors import OrderflowError

LOCK = 0x6F726466  # "ordf", in ASCII; any number that nothing else in the database locks
LOCK_POLL_S = 0.1
VERSIONS = Path(__file__).parent / "versions"
NEWEST = "head"
_MARKER = "usable by code from revision {} on"


class MigrationError(OrderflowError):
    """The ledger's schema can't be brought to the revision that is asked for."""


def migrate(database_url: str, revision: str = NEWEST, versions: Path = VERSIONS) -> str:
    """Bring the schema up, or down, to `revision`; does nothing to one that is there already.

    Each migration is applied wholly or not at all. Two runs at the same time take turns. A schema of newer code is left
    as it is where this code can use it; the returned sentence says so, and is empty otherwise. Raises MigrationError
    where it can't or Postgres can't be reached, and SQLAlchemy's DBAPIError when a migration fails. `versions` holds
    the migrations.
    """
    with migration(database_url, versions) as config:
        script, connection = ScriptDirectory.from_config(config), config.attributes["connection"]
        current = MigrationContext.configure(connection).get_current_revision()
        known = {each.revision for each in script.walk_revisions()}
        if revision not in (NEWEST, *known):
            raise MigrationError(f"There is no revision {revision}; there are {', '.join(sorted(known))}.")
        if current is not None and current not in known:
            return _leave_as_it_is(connection, current, str(script.get_current_head()), known)
        connection.rollback()  # each migration begins its own transaction, which it can't within another one
        below = {each.revision for each in script.iterate_revisions(current, "base")} - {current} if current else set()
        (command.downgrade if revision in below else command.upgrade)(config, revision)
    return ""


@contextmanager
def migration(database_url: str, versions: Path = VERSIONS) -> Iterator[Config]:
    """Lend Alembic's configuration, bound to a connection beside which no other migration runs."""
    engine = create_engine("postgresql+pg8000://", creator=lambda: open_alone(database_url), poolclass=NullPool)
    event.listen(engine, "set_connection_execution_options", _leave_transaction)
    config = Config()
    config.set_main_option("script_location", "orderflow:migrate")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        yield config


def mark_oldest_code(connection: Connection, script: ScriptDirectory, revision: str) -> None:
    """Keep in the database which code can use the schema at `revision`: the oldest one that only additions followed."""
    oldest = script.get_revision(revision)
    while oldest.module.only_adds:
        oldest = script.get_revision(str(oldest.down_revision))
    # A comment leaves the tables as code without this knowledge expects them.
    connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{_MARKER.format(oldest.revision)}'"))


def _leave_as_it_is(connection: Connection, current: str, own: str, known: set[str]) -> str:
    """Say that the schema is newer than this code. Raises MigrationError where this code can't use it."""
    marker = connection.scalar(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')"))
    oldest = re.fullmatch(_MARKER.format("(.+)"), str(marker))
    newer = f"The ledger's schema (revision {current}) is newer than this code (revision {own})"
    if oldest is None or oldest[1] not in known:
        needed = f"from revision {oldest[1]} on" if oldest else f"of revision {current}"
        raise MigrationError(f'{newer} and needs code {needed}: see "Back to older code" in docs/operations.md.')
    return f"{newer}; what came in between only adds to it, so this code goes on with it."


def _leave_transaction(connection: Connection, options: Mapping[str, Any]) -> None:
    # Alembic's autocommit_block asks for the level that it changes, and pg8000 begins a transaction with that question.
    if options.get("isolation_level") == "AUTOCOMMIT":
        connection.connection.rollback()


def open_alone(database_url: str) -> pg8000.dbapi.Connection:
    """Return a connection beside which no migration runs, for it holds their lock until it is closed.

    Raises MigrationError where Postgres does not let it in.
    """
    arguments = connection_arguments(database_url) | {"timeout": None}  # a migration takes as long as it takes
    try:
        connection = pg8000.dbapi.connect(**arguments)
    except (pg8000.exceptions.Error, OSError) as error:
        raise MigrationError(f"The ledger can't be migrated, for Postgres does not let us in: {error}") from error
    # A call that waits for the lock would hold a snapshot, for which CREATE INDEX CONCURRENTLY of the other would wait.
    connection.autocommit = True
    try:
        while not _try_lock(connection):
            time.sleep(LOCK_POLL_S)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = False
    return connection


def _try_lock(connection: pg8000.dbapi.Connection) -> bool:
    cursor = connection.cursor()
    cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
    return bool(cursor.fetchone()[0])
