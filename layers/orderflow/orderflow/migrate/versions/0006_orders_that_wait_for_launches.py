"""Orders that wait for a launch: how many slots after its opening they were executed.

What runs of the code before goes on beside, and leaves the column empty.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
only_adds = True

LONGEST_WAIT = "SET LOCAL lock_timeout = '3s'"
"""Behind a long read, such as a backup's, all writing would wait with this."""


def upgrade() -> None:
    """Add the column, which is empty in all rows that there are."""
    op.execute(LONGEST_WAIT)
    op.execute("ALTER TABLE orders ADD COLUMN IF NOT EXISTS slots_from_open integer")
    op.execute("COMMENT ON COLUMN orders.slots_from_open IS 'how many slots after its launch opened it was executed'")


def downgrade() -> None:
    """Drop the column."""
    op.execute(LONGEST_WAIT)
    op.execute("ALTER TABLE orders DROP COLUMN slots_from_open")
