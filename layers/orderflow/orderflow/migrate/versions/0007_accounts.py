"""Accounts: whose each order is, and the keys by which they are used.

The orders that there are belong to the account `local`, and so do those that code of before writes meanwhile.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
only_adds = True

LONGEST_WAIT = "SET LOCAL lock_timeout = '3s'"
"""Behind a long read, such as a backup's, all writing would wait with this."""

# In this order for the same reason as in 0005; the orders of `local`, all of them where nobody needs a key, are not in
# them: they have the other indexes to themselves.
COLUMNS = "account, created_at DESC NULLS LAST, order_id DESC NULLS LAST, token_in, token_out, order_type, status"
INDEXES = {
    "orders_newest_by_account": "account <> 'local'",
    "orders_open_by_account": ("account <> 'local' AND status NOT IN ('confirmed', 'failed', 'cancelled', 'expired')"),
}


def upgrade() -> None:
    """Add the column, which no row needs to be written anew for, its indexes, and the table of keys."""
    op.execute(LONGEST_WAIT)
    op.execute("ALTER TABLE orders ADD COLUMN IF NOT EXISTS account text NOT NULL DEFAULT 'local'")
    op.execute("COMMENT ON COLUMN orders.account IS 'whose it is'")
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS api_keys (
            id text PRIMARY KEY,
            account text NOT NULL,
            digest text NOT NULL,
            permissions text[] NOT NULL,
            networks text[] NOT NULL DEFAULT '{}',
            limits jsonb NOT NULL DEFAULT '{}',
            label text NOT NULL DEFAULT '',
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz,
            successor text,
            version integer NOT NULL DEFAULT 1
        )
        """
    )
    op.execute("COMMENT ON TABLE api_keys IS 'keys of accounts, without their secrets'")
    op.execute("COMMENT ON COLUMN api_keys.digest IS 'SHA-256 of the whole key, in hex'")
    op.execute("COMMENT ON COLUMN api_keys.successor IS 'the key that takes its place'")
    op.execute("COMMENT ON COLUMN api_keys.version IS 'one higher with each change'")
    with op.get_context().autocommit_block():
        for name, condition in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON orders ({COLUMNS}) WHERE {condition}")


def downgrade() -> None:
    """Drop the keys, the indexes and the column: whose an order is is not known any more."""
    op.execute(LONGEST_WAIT)
    op.execute(f"DROP INDEX IF EXISTS {', '.join(INDEXES)}")
    op.execute("DROP TABLE IF EXISTS api_keys")
    op.execute("ALTER TABLE orders DROP COLUMN IF EXISTS account")
