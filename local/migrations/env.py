"""Alembic's entry: runs the migrations on the connection that `local.migrate` has opened.

A new revision is a file in versions/, written by hand: no models exist that it could be derived from.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
