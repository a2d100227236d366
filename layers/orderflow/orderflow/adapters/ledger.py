"""The ledger in Postgres: batches of status entries in, orders and their histories out."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pg8000.native

from orderflow.adapters.codec import event_decoder
from orderflow.adapters.ledger_connections import LedgerConnections
from orderflow.domain.order import StatusEvent
from orderflow.domain.tokens import TOKENS

READ_TIMEOUT_MS, WRITE_TIMEOUT_MS = 2_000, 4_000
"""After this Postgres ends a statement itself; sooner than a connection is given up for lost."""

# One statement, so one transaction and one trip. Postgres takes the documents apart itself, which is far cheaper than
# to decode them here into rows and to encode those again.
_WRITE = """
WITH new_events AS (
    INSERT INTO order_events (order_id, sequence, status, event, occurred_at)
    SELECT (event->>'order_id')::uuid, (event->>'sequence')::smallint, event->>'status', event,
           (event->>'timestamp')::timestamptz
    FROM jsonb_array_elements(CAST(:events AS jsonb)) AS event
    ON CONFLICT (order_id, sequence) DO NOTHING
),
snapshots AS (
    SELECT *, to_timestamp(created_at_ms / 1000.0) AS created_at, to_timestamp(updated_at_ms / 1000.0) AS updated_at
    FROM json_to_recordset(CAST(:snapshots AS json)) AS snapshot(
        order_id uuid, sequence smallint, status text, created_at_ms bigint, updated_at_ms bigint, request json,
        route jsonb, amount_out numeric, execution_price numeric, tx_hash text, reason text, fills json,
        client_order_id text)
),
new_states AS (
    INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps, route,
                        amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id)
    SELECT order_id, sequence, status, request->>'order_type', request->>'token_in', request->>'token_out',
           (request->>'amount_in')::numeric, (request->>'slippage_bps')::integer, route,
           amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id
    FROM snapshots
    ON CONFLICT (order_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, status = EXCLUDED.status, route = EXCLUDED.route,
        amount_out = EXCLUDED.amount_out, execution_price = EXCLUDED.execution_price, tx_hash = EXCLUDED.tx_hash,
        reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at
    WHERE orders.sequence < EXCLUDED.sequence
)
INSERT INTO fills (order_id, leg, venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token, tx_hash,
                   executed_at)
SELECT order_id, leg, fill->>'venue', fill->>'pool', fill->>'token_in', fill->>'token_out',
       (fill->>'amount_in')::numeric, (fill->>'amount_out')::numeric, (fill->>'fee')::numeric, fill->>'fee_token',
       tx_hash, updated_at
FROM snapshots CROSS JOIN LATERAL json_array_elements(fills) WITH ORDINALITY AS of_order(fill, leg)
ON CONFLICT (order_id, leg) DO NOTHING
"""

_ORDER_COLUMNS = """order_id::text, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,
    route::text, amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id"""

_FIND_ORDER = f"SELECT {_ORDER_COLUMNS} FROM orders WHERE order_id = CAST(:order_id AS uuid)"  # noqa: S608 - our own


# Only conditions of our own are put into the text; every value is a parameter.
_FIND_NEWEST = f"""SELECT {_ORDER_COLUMNS} FROM orders WHERE {{conditions}}
    ORDER BY created_at DESC, order_id DESC LIMIT :limit"""  # noqa: S608 - see above

# The newest of each pair through its part of the index, and of these the newest: however rare a token is, no more is
# read than the page for each pair. One walk for all of them would go through the whole table to find that there are
# fewer than a page; it is what the planner prefers where one pair is most of the table, and only the order of nulls, of
# which there are none, shows it that no other index will do: decision 0054.
_FIND_BY_PAIRS = f"""SELECT of_pair.* FROM unnest(CAST(:tokens_in AS text[]), CAST(:tokens_out AS text[])) AS pair(i, o)
    CROSS JOIN LATERAL (
        SELECT {_ORDER_COLUMNS} FROM orders WHERE token_in = pair.i AND token_out = pair.o AND {{conditions}}
        ORDER BY orders.created_at DESC NULLS LAST, orders.order_id DESC NULLS LAST LIMIT :limit
    ) AS of_pair
    ORDER BY created_at DESC, CAST(order_id AS uuid) DESC LIMIT :limit"""  # noqa: S608 - see above


class Step(msgspec.Struct, frozen=True):
    """One step of an order as the status stream has it: its event, and the order after it, both as JSON text."""

    order_id: str
    sequence: int
    status: str
    event: str
    order: str


class OrderRow(msgspec.Struct, frozen=True):
    """An order as the ledger has it. Amounts are atoms, tokens symbols."""

    order_id: str
    sequence: int
    status: str
    order_type: str
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    route: str | None
    amount_out: Decimal | None
    execution_price: Decimal | None
    tx_hash: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    client_order_id: str | None = None


class Fill(msgspec.Struct, frozen=True):
    """What one leg of an order really came to. Amounts are atoms; `fee` is in `fee_token`, inside the amounts."""

    venue: str
    pool: str
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int
    fee: int
    fee_token: str


class OrderFilter(msgspec.Struct, frozen=True):
    """Which orders to list: equal to each value given, created before `before` (a time and an id), newest first."""

    limit: int
    status: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    client_order_id: str | None = None
    before: tuple[str, str] | None = None


class Ledger:
    """The ledger's tables, through a few connections that are kept and shared by threads."""

    def __init__(self, connect: Callable[[], pg8000.native.Connection]) -> None:
        self._connections = LedgerConnections(connect)

    def write(self, steps: Sequence[Step]) -> None:
        """Write steps in one transaction; those that are written already are left as they are.

        Raises RetryableError when Postgres is unavailable or busy, and pg8000's DatabaseError when it refuses the data.
        """
        latest: dict[str, Step] = {}
        for step in steps:
            known = latest.get(step.order_id)
            if known is None or step.sequence > known.sequence:
                latest[step.order_id] = step
        events = _array(step.event for step in steps)
        snapshots = _array(step.order for step in latest.values())
        self._connections.use(
            WRITE_TIMEOUT_MS, lambda connection: connection.run_prepared(_WRITE, events=events, snapshots=snapshots)
        )

    def find(self, order_id: str) -> OrderRow | None:
        """Return an order, or None when the ledger has none of this id. Raises RetryableError."""
        rows = self._read(_FIND_ORDER, order_id=order_id)
        return OrderRow(*rows[0]) if rows else None

    def history(self, order_id: str) -> list[StatusEvent]:
        """Return an order's events in sequence; empty for an unknown order. Raises RetryableError."""
        rows = self._read(
            "SELECT event::text FROM order_events WHERE order_id = CAST(:order_id AS uuid) ORDER BY sequence",
            order_id=order_id,
        )
        return [event_decoder.decode(event) for (event,) in rows]

    def fills(self, order_id: str) -> list[Fill]:
        """Return an order's fills by leg. Raises RetryableError."""
        rows = self._read(
            "SELECT venue, pool, token_in, token_out, amount_in::text, amount_out::text, fee::text, fee_token"
            " FROM fills WHERE order_id = CAST(:order_id AS uuid) ORDER BY leg",
            order_id=order_id,
        )
        return [
            Fill(venue, pool, token_in, token_out, int(amount_in), int(amount_out), int(fee), fee_token)
            for venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token in rows
        ]

    def find_all(self, wanted: OrderFilter) -> list[OrderRow]:
        """Return the newest orders that `wanted` admits. Raises RetryableError."""
        conditions, values = ["TRUE"], dict[str, Any](limit=wanted.limit)
        for column in ("status", "client_order_id"):
            if (value := getattr(wanted, column)) is not None:
                conditions.append(f"{column} = :{column}")
                values[column] = value
        if wanted.before is not None:
            conditions.append("(created_at, order_id) < (CAST(:created_at AS timestamptz), CAST(:order_id AS uuid))")
            values["created_at"], values["order_id"] = wanted.before
        if (wanted.token_in or wanted.token_out) and wanted.client_order_id is None:
            pairs = _pairs(wanted)
            values["tokens_in"], values["tokens_out"] = ([pair[side] for pair in pairs] for side in (0, 1))
            statement = _FIND_BY_PAIRS
        else:
            for column in ("token_in", "token_out"):
                if (value := getattr(wanted, column)) is not None:
                    conditions.append(f"{column} = :{column}")
                    values[column] = value
            statement = _FIND_NEWEST
        rows = self._read(statement.format(conditions=" AND ".join(conditions)), **values)
        return [OrderRow(*row) for row in rows]

    def close(self) -> None:
        """Close the connections that are idle; the next use opens another."""
        self._connections.close()

    def ping(self) -> None:
        """Raise RetryableError unless Postgres answers."""
        self._read("SELECT 1")

    def _read(self, statement: str, **values: Any) -> list[list[Any]]:
        return self._connections.use(
            READ_TIMEOUT_MS, lambda connection: list(connection.run(statement, **values) or [])
        )


def _pairs(wanted: OrderFilter) -> list[tuple[str, str]]:
    """Return the pairs of tokens that a filter admits."""
    tokens_in, tokens_out = ([token] if token else list(TOKENS) for token in (wanted.token_in, wanted.token_out))
    return [(token_in, token_out) for token_in in tokens_in for token_out in tokens_out if token_in != token_out]


def _array(documents: Iterable[str]) -> str:
    return f"[{','.join(documents)}]"
