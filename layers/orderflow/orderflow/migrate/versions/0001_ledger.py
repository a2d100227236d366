"""The ledger: orders with their latest state, the events that led there, and the fills.

No foreign keys: the writer puts all three in one transaction, and a check per row would cost the hot path.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
only_adds = False  # no code is older

STATUSES = ("pending", "routing", "building", "submitted", "confirmed", "failed")
ATOMS = sa.Numeric(20, 0)  # holds an unsigned 64-bit integer, which is what a chain counts in
TIME = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make the three tables."""
    _create_orders()
    _create_order_events()
    _create_fills()


def downgrade() -> None:
    """Drop the three tables with all that they hold."""
    for table in ("fills", "order_events", "orders"):
        op.drop_table(table)


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.SmallInteger, nullable=False, comment="of the latest event; only ever grows"),
        sa.Column("status", sa.Text, sa.CheckConstraint(f"status IN {STATUSES}", "orders_status"), nullable=False),
        sa.Column("order_type", sa.Text),
        sa.Column("token_in", sa.Text, comment="symbol"),
        sa.Column("token_out", sa.Text, comment="symbol"),
        sa.Column("amount_in", ATOMS, comment="atoms of token_in"),
        sa.Column("slippage_bps", sa.Integer, comment="the most that is allowed, in hundredths of a per cent"),
        sa.Column("route", JSONB, comment="what route_order chose"),
        sa.Column("amount_out", ATOMS, comment="atoms of token_out really received"),
        sa.Column("execution_price", sa.Numeric, comment="units (not atoms) of token_out per unit of token_in"),
        sa.Column("tx_hash", sa.Text),
        sa.Column("reason", sa.Text, comment="why the order failed"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False, comment="when the latest event happened"),
        comment="One row per order: its latest state. Rewritten when a later event arrives.",
        postgresql_with={"fillfactor": 70},  # room for the new version of a row beside the old one
    )
    # What GET /api/orders lists by. The second costs about 25 µs of an order's way, since a row whose indexed status
    # changes is indexed anew; without it, asking for a status that nothing has would read the whole table. The
    # tokens have no index: a walk through the newest finds a pair soon enough.
    newest_first = [sa.text("created_at DESC"), sa.text("order_id DESC")]
    op.create_index("orders_newest", "orders", newest_first)
    op.create_index("orders_newest_by_status", "orders", ["status", *newest_first])


def _create_order_events() -> None:
    op.create_table(
        "order_events",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.SmallInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 …, no gaps"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("event", JSONB, nullable=False, comment="the frame that was sent to the order's watchers"),
        sa.Column("occurred_at", TIME, nullable=False),
        comment="The audit trail. Append-only: rows are never updated or deleted.",
    )


def _create_fills() -> None:
    op.create_table(
        "fills",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("leg", sa.SmallInteger, primary_key=True, autoincrement=False, comment="counted from 1"),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("token_in", sa.Text, nullable=False, comment="symbol"),
        sa.Column("token_out", sa.Text, nullable=False, comment="symbol"),
        sa.Column("amount_in", ATOMS, nullable=False, comment="atoms of token_in, the fee included"),
        sa.Column("amount_out", ATOMS, nullable=False, comment="atoms of token_out"),
        sa.Column("fee", ATOMS, nullable=False, comment="atoms of fee_token"),
        sa.Column("fee_token", sa.Text, nullable=False, comment="symbol"),
        sa.Column("tx_hash", sa.Text, nullable=False),
        sa.Column("executed_at", TIME, nullable=False),
        comment="What each leg of a confirmed order really came to. Append-only.",
    )
