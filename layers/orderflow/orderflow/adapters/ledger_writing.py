"""The statement that writes to the ledger: what happened to orders in, its parameters out."""

from collections.abc import Sequence

import msgspec

from orderflow.adapters.codec import encoder
from orderflow.adapters.ledger_documents import NOTHING, OrderDocument

# One statement, so one transaction and one trip. A step needs a row that has the steps before, so that is looked up
# first; where there is none, the order is part of the answer. The step then goes in like a new row, and its conflict
# with the old one changes that: an update would join the two, by a plan that was made for a table of another size.
# Whose an order is its first step says, and no later one changes.
# What a document does not say stays as it was: as the row has it, or the look-up where the document may take it back.
WRITE = """
WITH new_events AS (
    INSERT INTO order_events (order_id, sequence, status, event, occurred_at)
    SELECT order_id, sequence, status, event, to_timestamp(updated_at_ms / 1000)
    FROM json_to_recordset(CAST(:events AS json)) AS event(
        order_id uuid, sequence smallint, status text, event jsonb, updated_at_ms float8)
    ON CONFLICT (order_id, sequence) DO NOTHING
),
documents AS (
    SELECT *, created_at_ms IS NOT NULL AS whole, sequence - COALESCE(steps, 1) AS before
    FROM json_to_recordset(CAST(:documents AS json)) AS document(
        order_id uuid, sequence smallint, status text, created_at_ms float8, updated_at_ms float8, request json,
        route jsonb, amount_out numeric, execution_price numeric, tx_hash text, reason text, fills json,
        legs_before integer, client_order_id text, terms jsonb, parent_id uuid, slice smallint, child_id uuid,
        rests json, fired jsonb, attempts smallint, amount_filled numeric, slots_from_open integer, takes_back boolean,
        steps smallint, account text)
),
states AS (
    SELECT *, to_timestamp(updated_at_ms / 1000) AS updated_at,
           CASE WHEN whole THEN to_timestamp(created_at_ms / 1000) ELSE known_at END AS created_at
    FROM documents LEFT JOIN LATERAL (
        SELECT orders.sequence AS known_sequence, orders.created_at AS known_at,
               CASE WHEN takes_back IS NULL THEN orders.tx_hash END AS known_hash,
               CASE WHEN takes_back IS NULL THEN orders.fired END AS known_fired,
               CASE WHEN request IS NULL THEN orders.expires_at END AS known_expiry,
               CASE WHEN rests IS NULL THEN orders.minimum_out END AS known_minimum
        FROM orders
        WHERE orders.order_id = documents.order_id AND NOT whole LIMIT 1
    ) AS known ON TRUE
),
new_states AS (
    INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps, route,
                        amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id, terms,
                        parent_id, slice, child_id, minimum_out, expires_at, fired, attempts, amount_filled,
                        slots_from_open, account)
    SELECT order_id, sequence, status, request->>'order_type', request->>'token_in', request->>'token_out',
           (request->>'amount_in')::numeric, (request->>'slippage_bps')::integer, route,
           amount_out, execution_price, COALESCE(tx_hash, known_hash), reason, created_at, updated_at,
           client_order_id, terms, parent_id, slice, child_id,
           COALESCE((rests->>'minimum_out')::numeric, known_minimum),
           COALESCE(to_timestamp((request->>'expires_at_ms')::float8 / 1000), known_expiry),
           COALESCE(fired, known_fired), attempts, amount_filled, slots_from_open, COALESCE(account, 'local')
    FROM states WHERE whole OR known_sequence BETWEEN before AND sequence - 1
    ON CONFLICT (order_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, status = EXCLUDED.status, updated_at = EXCLUDED.updated_at,
        token_out = COALESCE(EXCLUDED.token_out, orders.token_out),
        amount_in = COALESCE(EXCLUDED.amount_in, orders.amount_in),
        slippage_bps = COALESCE(EXCLUDED.slippage_bps, orders.slippage_bps),
        terms = COALESCE(EXCLUDED.terms, orders.terms),
        route = COALESCE(EXCLUDED.route, orders.route),
        amount_out = COALESCE(EXCLUDED.amount_out, orders.amount_out),
        execution_price = COALESCE(EXCLUDED.execution_price, orders.execution_price),
        tx_hash = EXCLUDED.tx_hash, reason = EXCLUDED.reason,
        child_id = COALESCE(EXCLUDED.child_id, orders.child_id), minimum_out = EXCLUDED.minimum_out,
        expires_at = EXCLUDED.expires_at, fired = EXCLUDED.fired,
        attempts = COALESCE(EXCLUDED.attempts, orders.attempts),
        amount_filled = COALESCE(EXCLUDED.amount_filled, orders.amount_filled),
        slots_from_open = COALESCE(EXCLUDED.slots_from_open, orders.slots_from_open)
    WHERE orders.sequence < EXCLUDED.sequence
),
new_fills AS (
    INSERT INTO fills (order_id, leg, venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token, tx_hash,
                       executed_at)
    SELECT order_id, COALESCE(legs_before, 0) + leg, fill->>'venue', fill->>'pool', fill->>'token_in',
           fill->>'token_out', (fill->>'amount_in')::numeric, (fill->>'amount_out')::numeric, (fill->>'fee')::numeric,
           fill->>'fee_token', tx_hash, updated_at
    FROM states CROSS JOIN LATERAL json_array_elements(fills) WITH ORDINALITY AS of_order(fill, leg)
    ON CONFLICT (order_id, leg) DO NOTHING
)
SELECT order_id::text FROM states WHERE NOT whole AND COALESCE(known_sequence, 0) < before
"""


class _Event(msgspec.Struct, frozen=True, omit_defaults=True):
    order_id: str
    sequence: int
    status: str
    updated_at_ms: int
    event: msgspec.Raw = NOTHING


def parameters(steps: Sequence[OrderDocument], documents: Sequence[OrderDocument]) -> dict[str, str]:
    """Return the parameters of WRITE: the events are those of `steps`, orders and fills those of `documents`."""
    events = [_Event(step.order_id, step.sequence, step.status, step.updated_at_ms, step.event) for step in steps]
    states = [
        document if document.event is NOTHING else msgspec.structs.replace(document, event=NOTHING)
        for document in documents
    ]
    return {"events": encoder.encode(events).decode(), "documents": encoder.encode(states).decode()}
