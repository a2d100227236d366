"""An index by which the orders of a token, or of a pair of tokens, are listed.

The status stands at its end, so that a filter by it too is decided in the index, without looking at the orders. Nulls,
of which there are none, come last: so a query can ask for an order that this index has and the one without tokens has
not, which the planner takes where it expects to find a pair soon.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
only_adds = True

INDEX = "orders_newest_by_pair"


def upgrade() -> None:
    """Add the index beside the orders, which go on meanwhile."""
    newest_first = [sa.text("created_at DESC NULLS LAST"), sa.text("order_id DESC NULLS LAST")]
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
        columns: list[str | sa.TextClause] = ["token_in", "token_out", *newest_first, "status"]
        op.create_index(INDEX, "orders", columns, postgresql_concurrently=True)


def downgrade() -> None:
    """Drop the index."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
