"""A client's own name for its order, by which it can be listed.

Not unique: a name makes no second order for 24 hours, and may be used for another one after that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
only_adds = True


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("orders", sa.Column("client_order_id", sa.Text, comment="the client's own name for the order"))
    # Only of the orders that have one, so that the others' way costs no more than before.
    named = sa.text("client_order_id IS NOT NULL")
    op.create_index("orders_by_client_order_id", "orders", ["client_order_id"], postgresql_where=named)


def downgrade() -> None:
    """Drop the column with its index."""
    op.drop_column("orders", "client_order_id")
