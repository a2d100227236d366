"""An event's JSON need not be written: all that it says follows from its row and the order's.

What runs of the code before goes on meanwhile: it writes the JSON as before. It can't show an event without, but asks
Redis first, which has an order for a minute after its end was written.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
only_adds = False

LONGEST_WAIT = "SET LOCAL lock_timeout = '3s'"
"""For a moment nothing may read the table. Behind a long read, such as a backup's, all writing would wait for that."""

# As `event_of` in domain/order.py makes it.
WRITE_EVENTS = """
UPDATE order_events SET event = jsonb_build_object(
        'order_id', bare.order_id, 'status', bare.status, 'sequence', bare.sequence,
        'timestamp', to_char(bare.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'execution_price', CASE bare.status WHEN 'confirmed' THEN execution_price END,
        'tx_hash', CASE WHEN bare.status NOT IN ('pending', 'routing', 'building') THEN tx_hash END,
        'reason', CASE bare.status WHEN 'failed' THEN reason END)
    || CASE WHEN bare.status = 'routing' AND route IS NOT NULL
        THEN jsonb_build_object('route', route) ELSE '{}' END
    || CASE WHEN bare.status = 'building' AND route IS NOT NULL
        THEN jsonb_build_object('minimum_out', (route->>'expected_out')::numeric
            - div((route->>'expected_out')::numeric * slippage_bps, 10000)) ELSE '{}' END
FROM order_events AS bare LEFT JOIN orders USING (order_id)
WHERE bare.event IS NULL AND (order_events.order_id, order_events.sequence) = (bare.order_id, bare.sequence)
"""


def upgrade() -> None:
    """Let the JSON be missing."""
    op.execute(LONGEST_WAIT)
    comment = "the frame that was sent to the order's watchers; null where it follows from this row and the order"
    op.alter_column("order_events", "event", existing_type=JSONB, nullable=True, comment=comment)


def downgrade() -> None:
    """Write the JSON that is missing; nothing else is written to the table until that is done."""
    op.execute(LONGEST_WAIT)
    op.execute("LOCK TABLE order_events IN SHARE ROW EXCLUSIVE MODE")
    op.get_bind().execute(sa.text(WRITE_EVENTS.replace(":MI:SS", r"\:MI\:SS")))
    comment = "the frame that was sent to the order's watchers"
    op.alter_column("order_events", "event", existing_type=JSONB, nullable=False, comment=comment)
