"""What the system kept of the bench's orders: ids in, what became of them out; from Postgres, or over HTTP."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple, Protocol

from pg8000.exceptions import DatabaseError, InterfaceError

from local.client.api import Client
from local.client.status_socket import TERMINAL_STATUSES
from orderflow.adapters.postgres import connect
from orderflow.domain.order import OrderRequest
from orderflow.errors import OrderflowError

REQUESTS_AT_ONCE = 16
POLL_S = 0.025
ORDERS_AT_ONCE = 200
AUDITED_AT_ONCE = 10_000
LONGEST_WAIT_S = 60.0

_ENDED = """
SELECT order_id::text FROM orders
WHERE order_id = ANY(CAST(:ids AS uuid[])) AND status IN ('confirmed', 'failed')
"""
_ORDERS = """
SELECT order_id::text, status, sequence, extract(epoch FROM created_at)::float8, extract(epoch FROM updated_at)::float8,
    token_in, token_out, amount_in::text, slippage_bps, (route -> 'slot')::int
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


class LedgerOrder(NamedTuple):
    """An order as the ledger has it; times in seconds since 1970.

    `request` and `slot`, that of the market which its route was chosen over, are None where they are not known.
    """

    order_id: str
    status: str
    created_at: float
    updated_at: float
    request: OrderRequest | None = None
    slot: int | None = None


@dataclass(slots=True)
class Audit:
    """What the ledger holds of some orders.

    `events` counts those that stand in their place (1, 2, 3 …), `events_expected` the last sequence numbers.
    """

    orders: list[LedgerOrder] = field(default_factory=list)
    events: int = 0
    events_expected: int = 0

    @property
    def endings(self) -> Counter[str]:
        """How many orders there are of each status."""
        return Counter(order.status for order in self.orders)


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
        self._lock = Lock()

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        """Return those of `order_ids` whose last state is written."""
        return {order_id for (order_id,) in await self._run(_ENDED, order_ids)}

    async def audit(self, order_ids: Collection[str]) -> Audit:
        """Read the orders and count their events."""
        audit, every = Audit(), list(order_ids)
        for start in range(0, len(every), AUDITED_AT_ONCE):
            some = every[start : start + AUDITED_AT_ONCE]
            expected = 0
            for order_id, status, sequence, created_at, updated_at, *request, slot in await self._run(_ORDERS, some):
                audit.orders.append(LedgerOrder(order_id, status, created_at, updated_at, _request(*request), slot))
                expected += sequence
            [(written, in_place)] = await self._run(_EVENTS, some)
            audit.events += in_place
            # An event too many is as wrong as one too few.
            audit.events_expected += max(expected, written)
        return audit

    async def _run(self, statement: str, order_ids: Collection[str]) -> list[Any]:
        def run() -> list[Any]:
            # A call that was cancelled goes on in its thread.
            with self._lock:
                return list(self._connection.run(statement, ids=list(order_ids)) or [])

        try:
            return await asyncio.to_thread(run)
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
            created_at, updated_at = (_seconds(order[name]) for name in ("created_at", "updated_at"))
            audit.orders.append(LedgerOrder(order["order_id"], order["status"], created_at, updated_at))
            audit.events_expected += order["sequence"]
            places = enumerate(order["history"], start=1)
            audit.events += sum(1 for place, event in places if event["sequence"] == place)
        return audit

    async def _ask_for(self, order_ids: Collection[str]) -> list[dict[str, Any]]:
        async def ask(order_id: str) -> dict[str, Any] | None:
            async with self._places:
                answer = await self._client.get(f"/api/orders/{order_id}")
            return answer.json() if answer.status == 200 else None

        answers = await asyncio.gather(*(ask(order_id) for order_id in order_ids))
        return [order for order in answers if order is not None]


class UnderWay:
    """The accepted orders that the ledger was not yet seen to have the end of, oldest first.

    It is asked for a few of them at a time, since the asking is paid for by the system that is measured.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._order_ids: deque[str] = deque()
        self._fewer = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._order_ids)

    def add(self, order_id: str) -> None:
        """Note an order that was accepted."""
        self._order_ids.append(order_id)

    async def room(self, most: int) -> None:
        """Return as soon as fewer than `most` are under way, or no end was seen for LONGEST_WAIT_S."""
        if len(self._order_ids) >= most:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_WAIT_S), self._fewer:
                    await self._fewer.wait_for(lambda: len(self._order_ids) < most)

    async def follow(self) -> None:
        """Look for ends until cancelled."""
        while True:
            if not await self._look():
                await asyncio.sleep(POLL_S)

    async def drain(self, timeout_s: float) -> float:
        """Look for ends until every order has come to its own, or `timeout_s` has passed.

        Return when that was, on the clock of `time.perf_counter`.
        """
        deadline = time.perf_counter() + timeout_s
        while self._order_ids and time.perf_counter() < deadline:
            if not await self._look():
                await asyncio.sleep(POLL_S)
        return time.perf_counter()

    async def _look(self) -> bool:
        """Ask for the oldest; return whether all of them have ended, so that it is worth asking for the next at once.

        One that others have overtaken goes behind all others: no few that take long hide those that have ended.
        """
        asked = list(islice(self._order_ids, ORDERS_AT_ONCE))
        if not asked:
            return False
        ended = await self._ledger.ended(asked)
        overtaken_before = max((place for place, order_id in enumerate(asked) if order_id in ended), default=0)
        for _ in asked:
            self._order_ids.popleft()
        self._order_ids.extendleft(reversed(asked[overtaken_before + 1 :] if ended else asked))
        self._order_ids.extend(order_id for order_id in asked[:overtaken_before] if order_id not in ended)
        async with self._fewer:
            self._fewer.notify_all()
        return len(ended) == len(asked)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _request(token_in: str, token_out: str, amount_in: str, slippage_bps: int) -> OrderRequest:
    return OrderRequest(token_in, token_out, int(amount_in), "market", slippage_bps)
