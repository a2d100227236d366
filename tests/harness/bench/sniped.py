"""What the ledger has of orders that waited for a launch: their ids in, each with its end and what it bought out."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orderflow.adapters.postgres import connect
from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.status import Status
from tests.harness.bench.pool_replay import Fill

LOOK_S = 0.25
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")
_ORDERS = """
SELECT order_id::text, status, reason, amount_in::text, slots_from_open, (
    SELECT count(*) FROM order_events AS event WHERE event.order_id = orders.order_id AND event.status = 'confirmed'
)
FROM orders WHERE order_id = ANY(CAST(:ids AS uuid[]))
"""
_FILLS = """
SELECT order_id::text, pool, amount_in::text, amount_out::text
FROM fills WHERE order_id = ANY(CAST(:ids AS uuid[]))
"""


@dataclass(frozen=True, slots=True)
class Bought:
    """A swap of an order: the pool, and the atoms paid and received."""

    pool: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Sniped:
    """An order that waited for a launch, as the ledger has it: the atoms that it was to sell, how often it was bought.

    `slots_from_open` says in how many slots after the opening, None where it was not.
    """

    order_id: str
    status: Status
    reason: str | None
    amount_in: int
    slots_from_open: int | None
    confirmed: int
    bought: tuple[Bought, ...] = ()

    @property
    def fault(self) -> str | None:
        """What is wrong with it: it has bought once, for all that it was to sell, or ended with a reason."""
        if self.status not in TERMINAL:
            return f"{self.order_id} has not ended: {self.status}"
        paid = [swap.amount_in for swap in self.bought]
        if self.status is not Status.CONFIRMED:
            if self.confirmed or paid:
                return f"{self.order_id} is {self.status}, but has bought for {paid}"
            return None if self.reason else f"{self.order_id} is {self.status} without a reason"
        if self.confirmed != 1 or paid != [self.amount_in] or self.slots_from_open is None:
            return f"{self.order_id} has bought {self.confirmed} times, for {paid} of {self.amount_in}"
        return None


async def followed(database_url: str, order_ids: Collection[str], within_s: float) -> list[Sniped]:
    """Return what the ledger has of orders when all have ended, or after `within_s`; one that it lacks is missing."""
    deadline = time.perf_counter() + within_s
    while True:
        found = await asyncio.to_thread(_read, database_url, order_ids)
        over = len(found) == len(order_ids) and all(each.status in TERMINAL for each in found)
        if over or time.perf_counter() > deadline:
            return found
        await asyncio.sleep(LOOK_S)


def faults(order_ids: Collection[str], sniped: Sequence[Sniped], pool: str) -> list[str]:
    """Return what is wrong with orders that were placed for the launch of a pool, one sentence each."""
    missing = set(order_ids) - {each.order_id for each in sniped}
    found = [each.fault for each in sniped if each.fault is not None]
    elsewhere = [each.order_id for each in sniped if {swap.pool for swap in each.bought} - {pool}]
    return [
        *(f"{order_id} is not in the ledger" for order_id in sorted(missing)),
        *found,
        *(f"{order_id} has bought in another pool than {pool}" for order_id in elsewhere),
    ]


def fills_of(sniped: Iterable[Sniped], open_slot: int) -> list[Fill]:
    """Return what those that bought a launch paid and received, each in its slot."""
    return [
        Fill(open_slot + each.slots_from_open, swap.amount_in, swap.amount_out)
        for each in sniped
        if each.slots_from_open is not None
        for swap in each.bought
    ]


def landed(sniped: Iterable[Sniped], priorities: Mapping[str, str]) -> dict[str, Counter[int]]:
    """Return, by priority, how many orders bought in how many slots after the opening."""
    slots: dict[str, Counter[int]] = {}
    for each in sniped:
        if each.slots_from_open is not None:
            slots.setdefault(priorities[each.order_id], Counter())[each.slots_from_open] += 1
    return slots


def endings(sniped: Iterable[Sniped]) -> Counter[str]:
    """Return how many orders ended in each way: their status, and the reason without its numbers."""
    return Counter(
        f"{each.status}: {_NUMBER.sub('…', each.reason)}" if each.reason else str(each.status) for each in sniped
    )


def _read(database_url: str, order_ids: Collection[str]) -> list[Sniped]:
    connection = connect(database_url)
    try:
        rows: Sequence[Any] = connection.run(_ORDERS, ids=list(order_ids)) or []
        swaps: Sequence[Any] = connection.run(_FILLS, ids=list(order_ids)) or []
    finally:
        connection.close()
    bought: dict[str, list[Bought]] = {}
    for order_id, pool, amount_in, amount_out in swaps:
        bought.setdefault(order_id, []).append(Bought(pool, int(amount_in), int(amount_out)))
    return [
        Sniped(order_id, Status(status), reason, int(amount), slots, confirmed, tuple(bought.get(order_id, ())))
        for order_id, status, reason, amount, slots, confirmed in rows
    ]
