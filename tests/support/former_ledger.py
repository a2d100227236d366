"""Writes steps to the ledger as the release before did, which knows no orders that wait."""

from collections.abc import Sequence

import pg8000.native

from orderflow.domain.order import Order, step_of
from tests.support.builders import encode

WRITE = """
WITH new_events AS (
    INSERT INTO order_events (order_id, sequence, status, occurred_at)
    SELECT order_id, sequence, status, to_timestamp(updated_at_ms / 1000)
    FROM json_to_recordset(CAST(:events AS json)) AS event(
        order_id uuid, sequence smallint, status text, updated_at_ms float8)
    ON CONFLICT (order_id, sequence) DO NOTHING
),
documents AS (
    SELECT *, created_at_ms IS NOT NULL AS whole, sequence - COALESCE(steps, 1) AS before
    FROM json_to_recordset(CAST(:documents AS json)) AS document(
        order_id uuid, sequence smallint, status text, created_at_ms float8, updated_at_ms float8, request json,
        route jsonb, amount_out numeric, execution_price numeric, tx_hash text, reason text, fills json,
        client_order_id text, steps smallint)
),
states AS (
    SELECT *, to_timestamp(updated_at_ms / 1000) AS updated_at,
           CASE WHEN whole THEN to_timestamp(created_at_ms / 1000) ELSE known_at END AS created_at
    FROM documents LEFT JOIN LATERAL (
        SELECT orders.sequence AS known_sequence, orders.created_at AS known_at FROM orders
        WHERE orders.order_id = documents.order_id AND NOT whole LIMIT 1
    ) AS known ON TRUE
),
new_states AS (
    INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps, route,
                        amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id)
    SELECT order_id, sequence, status, request->>'order_type', request->>'token_in', request->>'token_out',
           (request->>'amount_in')::numeric, (request->>'slippage_bps')::integer, route,
           amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id
    FROM states WHERE whole OR known_sequence BETWEEN before AND sequence - 1
    ON CONFLICT (order_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, status = EXCLUDED.status, route = COALESCE(EXCLUDED.route, orders.route),
        amount_out = EXCLUDED.amount_out, execution_price = EXCLUDED.execution_price,
        tx_hash = COALESCE(EXCLUDED.tx_hash, orders.tx_hash), reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at
    WHERE orders.sequence < EXCLUDED.sequence
),
new_fills AS (
    INSERT INTO fills (order_id, leg, venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token, tx_hash,
                       executed_at)
    SELECT order_id, leg, fill->>'venue', fill->>'pool', fill->>'token_in', fill->>'token_out',
           (fill->>'amount_in')::numeric, (fill->>'amount_out')::numeric, (fill->>'fee')::numeric, fill->>'fee_token',
           tx_hash, updated_at
    FROM states CROSS JOIN LATERAL json_array_elements(fills) WITH ORDINALITY AS of_order(fill, leg)
    ON CONFLICT (order_id, leg) DO NOTHING
)
SELECT order_id::text FROM states WHERE NOT whole AND COALESCE(known_sequence, 0) < before
"""


def write_formerly(connection: pg8000.native.Connection, orders: Sequence[Order]) -> list[str]:
    """Write the last step of each of some market orders; return the ids of those that lack the steps before."""
    steps = [step_of(order) for order in orders]
    events = [
        {name: getattr(step, name) for name in ("order_id", "sequence", "status", "updated_at_ms")} for step in steps
    ]
    return [order_id for (order_id,) in connection.run(WRITE, events=encode(events), documents=encode(steps))]
