"""The statement that writes to the ledger: what happened to orders in, its parameters out.

Each column of the new rows is one parameter, the text of an array. So Postgres knows all types beforehand, which is far
cheaper than to take JSON apart by its members' names, and it is one trip however many rows there are.
"""

from collections.abc import Iterable, Mapping, Sequence

from orderflow.adapters.ledger_documents import Change, OrderDocument
from orderflow.domain.routing import Leg

Columns = Mapping[str, str]
"""Types by name, in the order of a row's values."""

_QUOTED = ("text", "jsonb", "uuid")

_EVENT: Columns = {"order_id": "uuid", "sequence": "smallint", "status": "text", "at_ms": "float8"}

_STATE: Columns = {
    "order_id": "uuid",
    "sequence": "smallint",
    "after": "smallint",
    "status": "text",
    "updated_ms": "float8",
    "created_ms": "float8",
    "order_type": "text",
    "token_in": "text",
    "token_out": "text",
    "amount_in": "numeric",
    "slippage_bps": "integer",
    "route": "jsonb",
    "amount_out": "numeric",
    "execution_price": "numeric",
    "tx_hash": "text",
    "reason": "text",
    "client_order_id": "text",
}

_FILL: Columns = {
    "order_id": "uuid",
    "leg": "smallint",
    "venue": "text",
    "pool": "text",
    "token_in": "text",
    "token_out": "text",
    "amount_in": "numeric",
    "amount_out": "numeric",
    "fee": "numeric",
    "fee_token": "text",
    "tx_hash": "text",
    "at_ms": "float8",
}


def _rows(name: str, columns: Columns) -> str:
    """Return the SQL of new rows, which the parameters of the same name make up."""
    arrays = ", ".join(f"CAST(:{name}_{column} AS {kind}[])" for column, kind in columns.items())
    return f"unnest({arrays}) AS {name}({', '.join(columns)})"


# One statement, so one transaction and one trip. A step needs a row that has the steps before, so that is looked up
# first; where there is none, the order is part of the answer. The step then goes in like a new row, and its conflict
# with the old one changes that: an update would join the two, by a plan that was made for a table of another size.
WRITE = f"""
WITH new_events AS (
    INSERT INTO order_events (order_id, sequence, status, occurred_at)
    SELECT order_id, sequence, status, to_timestamp(at_ms / 1000) FROM {_rows("event", _EVENT)}
    ON CONFLICT (order_id, sequence) DO NOTHING
),
new_fills AS (
    INSERT INTO fills (order_id, leg, venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token, tx_hash,
                       executed_at)
    SELECT order_id, leg, venue, pool, token_in, token_out, amount_in, amount_out, fee, fee_token, tx_hash,
           to_timestamp(at_ms / 1000)
    FROM {_rows("fill", _FILL)}
    ON CONFLICT (order_id, leg) DO NOTHING
),
states AS (
    SELECT state.*, known_sequence, COALESCE(to_timestamp(created_ms / 1000), known_at) AS created_at
    FROM {_rows("state", _STATE)}
    LEFT JOIN LATERAL (
        SELECT orders.sequence AS known_sequence, orders.created_at AS known_at FROM orders
        WHERE orders.order_id = state.order_id AND after > 0 LIMIT 1
    ) AS known ON TRUE
),
new_states AS (
    INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps, route,
                        amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id)
    SELECT order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps, route,
           amount_out, execution_price, tx_hash, reason, created_at, to_timestamp(updated_ms / 1000), client_order_id
    FROM states WHERE after = 0 OR known_sequence BETWEEN after AND sequence - 1
    ON CONFLICT (order_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, status = EXCLUDED.status, route = COALESCE(EXCLUDED.route, orders.route),
        amount_out = EXCLUDED.amount_out, execution_price = EXCLUDED.execution_price,
        tx_hash = COALESCE(EXCLUDED.tx_hash, orders.tx_hash), reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at
    WHERE orders.sequence < EXCLUDED.sequence
)
SELECT order_id::text FROM states WHERE after > COALESCE(known_sequence, 0)
"""  # noqa: S608 - only names and types of our own are put into the text; every value is a parameter


def parameters(steps: Sequence[OrderDocument], changes: Sequence[Change]) -> dict[str, str]:
    """Return the parameters of WRITE: the events are those of `steps`, orders and fills those of `changes`."""
    fills = [
        _fill(change.document, number, leg) for change in changes for number, leg in enumerate(change.document.fills, 1)
    ]
    return {
        **_arrays("event", _EVENT, ((step.order_id, step.sequence, step.status, step.updated_at_ms) for step in steps)),
        **_arrays("state", _STATE, map(_state, changes)),
        **_arrays("fill", _FILL, fills),
    }


def _state(change: Change) -> tuple[object, ...]:
    order = change.document
    asked = order.request
    return (
        order.order_id,
        order.sequence,
        change.after,
        order.status,
        order.updated_at_ms,
        order.created_at_ms,
        *((asked.order_type, asked.token_in, asked.token_out, asked.amount_in, asked.slippage_bps) if asked else _NO),
        bytes(order.route).decode() or None,
        order.amount_out,
        order.execution_price,
        order.tx_hash,
        order.reason,
        order.client_order_id,
    )


_NO = (None,) * 5


def _fill(order: OrderDocument, number: int, leg: Leg) -> tuple[object, ...]:
    return (
        order.order_id,
        number,
        leg.venue,
        leg.pool,
        leg.token_in,
        leg.token_out,
        leg.amount_in,
        leg.amount_out,
        leg.fee,
        leg.fee_token,
        order.tx_hash,
        order.updated_at_ms,
    )


def _arrays(name: str, columns: Columns, rows: Iterable[tuple[object, ...]]) -> dict[str, str]:
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    return {
        f"{name}_{column}": (_texts if kind in _QUOTED else _numbers)(values)
        for (column, kind), values in zip(columns.items(), by_column, strict=True)
    }


def _numbers(values: Iterable[object]) -> str:
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"


def _texts(values: Iterable[object]) -> str:
    return f"{{{','.join(['NULL' if value is None else _quoted(str(value)) for value in values])}}}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
