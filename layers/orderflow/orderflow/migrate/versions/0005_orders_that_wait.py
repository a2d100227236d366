"""Orders that wait: their statuses, what they wait for, how much of them is executed, and which order made which.

A market order has none of this, and none of the new indexes has it: its rows cost what they did. What runs of the code
before goes on beside, and writes market orders as before.

The first part is made at once, but nothing may read the table for that moment. The rest goes on beside the orders.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
only_adds = True

LONGEST_WAIT = "SET LOCAL lock_timeout = '3s'"
"""Behind a long read, such as a backup's, all writing would wait with this."""

STATUSES = "'pending', 'routing', 'building', 'submitted', 'confirmed', 'failed'"
WAITING = "'open', 'triggered', 'partially_filled', 'cancelled', 'expired'"

COLUMNS = {
    "terms": ("jsonb", "what was asked for beyond tokens, amount, type and slippage; null where that is nothing"),
    "parent_id": ("uuid", "the order that this is a slice or the exits of"),
    "slice": ("smallint", "which slice of its parent, counted from 1; null for exits"),
    "child_id": ("uuid", "the order that it has made, the latest one"),
    "minimum_out": ("numeric(20, 0)", "atoms of token_out that it has to yield where it rests, or did last"),
    "expires_at": ("timestamptz", "nothing of it is executed from then on"),
    "fired": ("jsonb", "what it was fired by: slot, rule, price, and the atoms that were to be executed"),
    "attempts": ("smallint", "how often it was fired and then refused"),
    "amount_filled": ("numeric(20, 0)", "atoms of token_in that are executed"),
}

# The nulls, of which there are none, come last: no other index has that order, so a query that asks for it gets this
# one (decision 0054). What stands behind the order is only there so that a filter by it needs no look at the orders.
NEWEST_FIRST = ("created_at DESC NULLS LAST", "order_id DESC NULLS LAST")
INDEXES = {
    "orders_newest_by_parent": (("parent_id", *NEWEST_FIRST), "parent_id IS NOT NULL"),
    "orders_newest_by_type": (
        ("order_type", *NEWEST_FIRST, "token_in", "token_out", "status"),
        "order_type <> 'market'",
    ),
    "orders_newest_open": (
        (*NEWEST_FIRST, "token_in", "token_out", "order_type", "status"),
        "order_type <> 'market' AND status NOT IN ('confirmed', 'failed', 'cancelled', 'expired')",
    ),
}


def upgrade() -> None:
    """Add the statuses, the columns, and indexes of the orders that have them."""
    op.execute(LONGEST_WAIT)
    added = [f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, (kind, _) in COLUMNS.items()]
    op.execute(f"ALTER TABLE orders {', '.join(added)}, {_statuses(f'{STATUSES}, {WAITING}')}")
    for name, (_, comment) in COLUMNS.items():
        op.execute(f"COMMENT ON COLUMN orders.{name} IS '{comment}'")
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT orders_status")
        for name, (columns, condition) in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON orders ({', '.join(columns)}) WHERE {condition}")


def downgrade() -> None:
    """Drop the indexes and the columns with all that they hold; orders keep the statuses that they have."""
    op.execute(LONGEST_WAIT)
    op.execute(f"DROP INDEX IF EXISTS {', '.join(INDEXES)}")
    op.execute(f"ALTER TABLE orders {', '.join(f'DROP COLUMN {name}' for name in COLUMNS)}, {_statuses(STATUSES)}")


def _statuses(admitted: str) -> str:
    """Return the change of what statuses the rows that come may have; those that are there are not looked at."""
    check = f"CHECK (status IN ({admitted})) NOT VALID"
    return f"DROP CONSTRAINT IF EXISTS orders_status, ADD CONSTRAINT orders_status {check}"
