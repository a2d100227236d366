"""The ledger in Postgres: batches of status entries in, orders and their histories out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pg8000.native

from orderflow.adapters.codec import encoder, event_decoder
from orderflow.adapters.ledger_connections import LedgerConnections
from orderflow.adapters.ledger_documents import OrderDocument, rounds
from orderflow.adapters.ledger_queries import ORDER_COLUMNS, OrderFilter, query_for
from orderflow.adapters.ledger_writing import WRITE, parameters
from orderflow.adapters.messages import merge
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderId, OrderRequest, Signature, StatusEvent, iso_timestamp
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status

READ_TIMEOUT_MS, WRITE_TIMEOUT_MS = 2_000, 4_000
"""After this Postgres ends a statement itself; sooner than a connection is given up for lost."""

# Whose an order is stands in the statement: one of another account is not there, as one that nobody has.
_FIND_ORDER = f"""SELECT {ORDER_COLUMNS} FROM orders
    WHERE order_id = CAST(:order_id AS uuid) AND account = :account"""  # noqa: S608 - our own

_CHILDREN = f"""SELECT {ORDER_COLUMNS} FROM orders WHERE parent_id = CAST(:parent_id AS uuid)
    ORDER BY orders.created_at, orders.order_id"""  # noqa: S608 - our own

_FIND_EACH = f"""SELECT {ORDER_COLUMNS} FROM orders
    WHERE order_id = ANY(CAST(:order_ids AS uuid[])) AND account = :account"""  # noqa: S608 - our own

_HISTORY = """SELECT order_id::text, event.sequence, event.status, occurred_at, event.event::text,
    route::text, slippage_bps, execution_price, tx_hash, reason
    FROM order_events AS event JOIN orders USING (order_id)
    WHERE order_id = CAST(:order_id AS uuid) AND account = :account ORDER BY event.sequence"""

_UNSIGNED = COURSE[: COURSE.index(Status.SUBMITTED)]
"""The statuses before an order has its signature."""


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
    terms: str | None = None
    """What was asked for beyond tokens, amount, type and slippage, as JSON."""
    parent_id: str | None = None
    slice: int | None = None
    """Which slice of its parent it is, counted from 1; None for the exits of a bracket."""
    child_id: str | None = None
    minimum_out: Decimal | None = None
    """What it has to yield where it rests, or had to when it rested last."""
    expires_at: datetime | None = None
    fired: str | None = None
    """What it was fired by the last time, a `Fired` as JSON."""
    attempts: int | None = None
    """How often it was fired and then refused; None for a market order."""
    amount_filled: Decimal | None = None
    """Atoms of `token_in`; None or 0 for a market order, which is executed as a whole."""
    slots_from_open: int | None = None
    """In how many slots after its launch opened it was executed; None for one that waited for no launch."""
    account: str = LOCAL_ACCOUNT
    """Whose it is."""

    @property
    def request(self) -> OrderRequest:
        """What was asked for, as it was amended. Raises msgspec.ValidationError for a type of newer code."""
        columns = {
            "token_in": self.token_in,
            "token_out": self.token_out,
            "amount_in": int(self.amount_in),
            "order_type": self.order_type,
            "slippage_bps": self.slippage_bps,
        }
        return _request_decoder.decode(merge([encoder.encode(columns).decode(), *([self.terms] if self.terms else [])]))


_request_decoder = msgspec.json.Decoder(OrderRequest)


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

    What does not follow from that is written as JSON: each event of an order that waits, of which statuses come again.
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

    def find(self, order_id: str, account: str) -> OrderRow | None:
        """Return an order of an account, or None when that has none of this id. Raises RetryableError."""
        rows = self._read(_FIND_ORDER, order_id=order_id, account=account)
        return OrderRow(*rows[0]) if rows else None

    def find_each(self, order_ids: Sequence[str], account: str) -> dict[str, OrderRow]:
        """Return those of the orders that are an account's and in the ledger, by id. Raises RetryableError."""
        rows = [OrderRow(*row) for row in self._read(_FIND_EACH, order_ids=list(order_ids), account=account)]
        return {row.order_id: row for row in rows}

    def history(self, order_id: str, account: str) -> list[StatusEvent]:
        """Return the events of an account's order in sequence; empty for one that it has not. Raises RetryableError."""
        return [_EventRow(*row).event for row in self._read(_HISTORY, order_id=order_id, account=account)]

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

    def children(self, parent_id: str) -> list[OrderRow]:
        """Return the orders that an order has made, its slices or its exits, oldest first. Raises RetryableError."""
        return [OrderRow(*row) for row in self._read(_CHILDREN, parent_id=parent_id)]

    def find_all(self, wanted: OrderFilter) -> list[OrderRow]:
        """Return the newest orders that `wanted` admits. Raises RetryableError."""
        statement, values = query_for(wanted)
        return [OrderRow(*row) for row in self._read(statement, **values)]

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
