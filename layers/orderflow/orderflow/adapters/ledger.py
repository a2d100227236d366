"""The ledger in Postgres: batches of status entries in, orders and their histories out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pg8000.native

from orderflow.adapters.codec import event_decoder
from orderflow.adapters.ledger_connections import LedgerConnections
from orderflow.adapters.ledger_documents import OrderDocument, rounds
from orderflow.adapters.ledger_writing import WRITE, parameters
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderId, Signature, StatusEvent, iso_timestamp
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS

READ_TIMEOUT_MS, WRITE_TIMEOUT_MS = 2_000, 4_000
"""After this Postgres ends a statement itself; sooner than a connection is given up for lost."""

_ORDER_COLUMNS = """order_id::text, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,
    route::text, amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id"""

_FIND_ORDER = f"SELECT {_ORDER_COLUMNS} FROM orders WHERE order_id = CAST(:order_id AS uuid)"  # noqa: S608 - our own


_HISTORY = """SELECT order_id::text, event.sequence, event.status, occurred_at, event.event::text,
    route::text, slippage_bps, execution_price, tx_hash, reason
    FROM order_events AS event JOIN orders USING (order_id)
    WHERE order_id = CAST(:order_id AS uuid) ORDER BY event.sequence"""

_UNSIGNED = COURSE[: COURSE.index(Status.SUBMITTED)]
"""The statuses before an order has its signature."""

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


class _EventRow(msgspec.Struct, frozen=True):
    """A row of `order_events`, with what the order as it is now says of its steps.

    The release before has written each event as JSON too.
    """

    order_id: str
    sequence: int
    status: str
    occurred_at: datetime
    written: str | None
    route: str | None
    slippage_bps: int
    execution_price: Decimal | None
    tx_hash: str | None
    reason: str | None

    @property
    def event(self) -> StatusEvent:
        """The event that was published."""
        if self.written is not None:
            return event_decoder.decode(self.written)
        status = Status(self.status)
        route = msgspec.json.decode(self.route, type=Route) if self.route else None
        least = minimum_out(route.expected_out, self.slippage_bps) if route else msgspec.UNSET
        return StatusEvent(
            order_id=OrderId(self.order_id),
            status=status,
            execution_price=self.execution_price if status is Status.CONFIRMED else None,
            tx_hash=Signature(self.tx_hash) if self.tx_hash and status not in _UNSIGNED else None,
            reason=self.reason if status is Status.FAILED else None,
            sequence=self.sequence,
            timestamp=iso_timestamp(round(self.occurred_at.timestamp() * 1000)),
            route=route if route and status is Status.ROUTING else msgspec.UNSET,
            minimum_out=least if status is Status.BUILDING else msgspec.UNSET,
        )


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

    def write(self, documents: Sequence[OrderDocument]) -> set[str]:
        """Write what happened to orders, in one transaction; what is written already is left as it is.

        Returns the orders whose rows are not what these documents should lead to, since a step before theirs is not
        written: that takes a document with the whole order. (Documents that leave out a step between two of an order
        take a transaction more.)

        Raises RetryableError when Postgres is unavailable or busy, and pg8000's DatabaseError when it refuses the data.
        """
        lacking: set[str] = set()
        steps = documents
        for merged in rounds(documents):
            lacking.update(self._run_write(parameters(steps, merged)))
            steps = ()
        return lacking

    def find(self, order_id: str) -> OrderRow | None:
        """Return an order, or None when the ledger has none of this id. Raises RetryableError."""
        rows = self._read(_FIND_ORDER, order_id=order_id)
        return OrderRow(*rows[0]) if rows else None

    def history(self, order_id: str) -> list[StatusEvent]:
        """Return an order's events in sequence; empty for an unknown order. Raises RetryableError."""
        return [_EventRow(*row).event for row in self._read(_HISTORY, order_id=order_id)]

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

    def _run_write(self, values: dict[str, str]) -> list[str]:
        """Return the ids that the statement answers with."""
        rows = self._connections.use(WRITE_TIMEOUT_MS, lambda connection: connection.run_prepared(WRITE, **values))
        return [order_id for (order_id,) in rows]

    def _read(self, statement: str, **values: Any) -> list[list[Any]]:
        return self._connections.use(
            READ_TIMEOUT_MS, lambda connection: list(connection.run(statement, **values) or [])
        )


def _pairs(wanted: OrderFilter) -> list[tuple[str, str]]:
    """Return the pairs of tokens that a filter admits."""
    tokens_in, tokens_out = ([token] if token else list(TOKENS) for token in (wanted.token_in, wanted.token_out))
    return [(token_in, token_out) for token_in in tokens_in for token_out in tokens_out if token_in != token_out]
