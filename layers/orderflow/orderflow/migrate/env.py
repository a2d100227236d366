"""Alembic's entry: runs the migrations on the connection that `orderflow.migrate` has opened, each in its transaction.

A new revision is a file in versions/, written by hand: no models exist that it could be derived from. Besides what
Alembic wants it says with `only_adds` whether code of the revision before can read and write the schema after it.

An index on a table with orders is made in `with op.get_context().autocommit_block():`, with
`postgresql_concurrently=True`, so that orders go on meanwhile. What comes before the block is committed by it, and a
failure in it leaves an invalid index; so it drops that index first (`if_exists=True`), and a second try succeeds.
"""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from orderflow.migrate import mark_oldest_code

connection = context.config.attributes["connection"]


def mark(ctx: MigrationContext, step: MigrationInfo, heads: Collection[str], run_args: Mapping[str, Any]) -> None:
    """Keep with each migration which code can use the schema, in the migration's own transaction."""
    for revision in heads:
        mark_oldest_code(connection, context.script, revision)


context.configure(connection=connection, transaction_per_migration=True, on_version_apply=mark)
with context.begin_transaction():
    context.run_migrations()
