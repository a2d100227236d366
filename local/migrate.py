"""Brings the ledger's schema to its newest revision: a database URL in, Alembic's migrations applied."""

from collections.abc import Iterator
from contextlib import contextmanager

import pg8000.dbapi
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orderflow.adapters.postgres import connection_arguments

LOCK = 0x6F726466  # "ordf", in ASCII; any number that nothing else in the database locks


def migrate(database_url: str) -> None:
    """Apply the migrations that the database lacks, all of them or none; does nothing to one that is up to date.

    Whoever comes second waits for the first. Raises SQLAlchemy's DBAPIError when the database can't be used.
    """
    with migration(database_url) as config:
        command.upgrade(config, "head")


@contextmanager
def migration(database_url: str) -> Iterator[Config]:
    """Lend Alembic's configuration, bound to one transaction that no other migration runs beside."""
    arguments = connection_arguments(database_url) | {"timeout": None}  # a migration takes as long as it takes
    engine = create_engine(
        "postgresql+pg8000://", creator=lambda: pg8000.dbapi.connect(**arguments), poolclass=NullPool
    )
    config = Config()
    config.set_main_option("script_location", "local:migrations")
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        yield config
