"""What the system kept of the bench's orders: ids in, what became of them out; from Postgres, or over HTTP."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pg8000.exceptions import DatabaseError, InterfaceError

from local.client.api import Client
from local.client.status_socket import TERMINAL_STATUSES
from orderflow.adapters.postgres import connect
from orderflow.errors import OrderflowError

REQUESTS_AT_ONCE = 16
POLL_S = 0.025
ORDERS_AT_ONCE = 200

_ENDED = """
SELECT order_id::text FROM orders
WHERE order_id = ANY(CAST(:ids AS uuid[])) AND status IN ('confirmed', 'failed')
"""
_ORDERS = """
SELECT status, sequence, 1000 * extract(epoch FROM updated_at - created_at)::float8
FROM orders WHERE order_id = ANY(CAST(:ids AS uuid[]))
"""
_EVENTS = """
SELECT count(*), count(*) FILTER (WHERE place = sequence) FROM (
    SELECT sequence, row_number() OVER (PARTITION BY order_id ORDER BY sequence) AS place
    FROM order_events WHERE order_id = ANY(CAST(:ids AS uuid[]))
) AS numbered
"""


class LostLedgerError(OrderflowError):
    """The connection to the ledger broke; the system was probably stopped."""


@dataclass(slots=True)
class Audit:
    """What the ledger holds of some orders.

    `events` counts those that stand in their place (1, 2, 3 …), `events_expected` the last sequence numbers;
    `confirmed_ms` are the times from created to confirmed.
    """

    orders: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    confirmed_ms: list[float] = field(default_factory=list)
    events: int = 0
    events_expected: int = 0


class Ledger(Protocol):
    """Where the orders end up."""

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        """Return those of `order_ids` that are over."""

    async def audit(self, order_ids: Collection[str]) -> Audit:
        """Return what is held of `order_ids`."""


class PostgresLedger:
    """The ledger's own tables; one connection, used by one call at a time."""

    def __init__(self, database_url: str) -> None:
        self._connection = connect(database_url)

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        """Return those of `order_ids` whose last state is written."""
        return {order_id for (order_id,) in await self._run(_ENDED, order_ids)}

    async def audit(self, order_ids: Collection[str]) -> Audit:
        """Read the orders and count their events."""
        audit = Audit()
        for status, sequence, took_ms in await self._run(_ORDERS, order_ids):
            audit.orders += 1
            audit.endings[status] += 1
            audit.events_expected += sequence
            if status == "confirmed":
                audit.confirmed_ms.append(took_ms)
        rows = await self._run(_EVENTS, order_ids)
        written, audit.events = rows[0]
        # An event too many is as wrong as one too few.
        audit.events_expected = max(audit.events_expected, written)
        return audit

    async def _run(self, statement: str, order_ids: Collection[str]) -> list[Any]:
        try:
            return list(await asyncio.to_thread(self._connection.run, statement, ids=list(order_ids)) or [])
        except (InterfaceError, DatabaseError) as error:
            raise LostLedgerError(f"the ledger can't be read any longer: {error}") from error

    def close(self) -> None:
        """Close the connection, if it is still there."""
        with suppress(InterfaceError):
            self._connection.close()


class HttpLedger:
    """The ledger as anyone sees it, order by order through the API: for a system that runs elsewhere."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._places = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        """Ask for each order."""
        orders = await self._ask_for(order_ids)
        return {order["order_id"] for order in orders if order["status"] in TERMINAL_STATUSES}

    async def audit(self, order_ids: Collection[str]) -> Audit:
        """Ask for each order and sum them up; times have the API's millisecond resolution."""
        audit = Audit()
        for order in await self._ask_for(order_ids):
            audit.orders += 1
            audit.endings[order["status"]] += 1
            audit.events_expected += order["sequence"]
            places = enumerate(order["history"], start=1)
            audit.events += sum(1 for place, event in places if event["sequence"] == place)
            if order["status"] == "confirmed":
                audit.confirmed_ms.append(_between_ms(order["created_at"], order["updated_at"]))
        return audit

    async def _ask_for(self, order_ids: Collection[str]) -> list[dict[str, Any]]:
        async def ask(order_id: str) -> dict[str, Any] | None:
            async with self._places:
                answer = await self._client.get(f"/api/orders/{order_id}")
            return answer.json() if answer.status == 200 else None

        answers = await asyncio.gather(*(ask(order_id) for order_id in order_ids))
        return [order for order in answers if order is not None]


async def wait_until_ended(ledger: Ledger, order_ids: Sequence[str], timeout_s: float) -> float:
    """Ask until every order is over, or `timeout_s` has passed; return when, on the clock of `time.perf_counter`.

    Asks for a few orders at a time, oldest first, since the asking is paid for by the system that is measured.
    """
    remaining = list(order_ids)
    deadline = time.perf_counter() + timeout_s
    while remaining and time.perf_counter() < deadline:
        asked, rest = remaining[:ORDERS_AT_ONCE], remaining[ORDERS_AT_ONCE:]
        ended = await ledger.ended(asked)
        remaining = [order_id for order_id in asked if order_id not in ended] + rest
        if len(ended) < len(asked):
            await asyncio.sleep(POLL_S)
    return time.perf_counter()


def _between_ms(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() * 1000
