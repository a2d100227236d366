"""What the bench asks the ledger: which orders are still under way, and what became of all."""

import asyncio
import time
from collections.abc import Collection

import pytest

from tests.harness.bench import ledger
from tests.harness.bench.background import background
from tests.harness.bench.ledger import ORDERS_AT_ONCE, Audit, LedgerOrder, UnderWay


class LedgerThatFills:
    """A ledger in which one more order is over every time it is asked."""

    def __init__(self, order_ids: list[str]) -> None:
        self._order_ids = order_ids
        self.over = 0
        self.most_asked = 0

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        self.over += 1
        self.most_asked = max(self.most_asked, len(order_ids))
        return set(order_ids) & set(self._order_ids[: self.over * 100])

    async def audit(self, order_ids: Collection[str]) -> Audit:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "POLL_S", 0)


def under_way(of: LedgerThatFills, order_ids: list[str]) -> UnderWay:
    orders = UnderWay(of)
    for order_id in order_ids:
        orders.add(order_id)
    return orders


def test_waiting_ends_when_the_ledger_has_the_end_of_every_order() -> None:
    order_ids = [str(number) for number in range(1000)]
    filling = LedgerThatFills(order_ids)
    orders = under_way(filling, order_ids)

    asyncio.run(orders.drain(timeout_s=10))

    assert len(orders) == 0
    assert filling.over == 10
    assert filling.most_asked == ORDERS_AT_ONCE


def test_waiting_for_an_order_that_never_ends_has_an_end() -> None:
    orders = under_way(LedgerThatFills([]), ["lost"])
    began = time.perf_counter()

    seen_at = asyncio.run(orders.drain(timeout_s=0.1))

    assert 0.1 <= seen_at - began < 2
    assert len(orders) == 1


def test_those_that_never_end_do_not_hide_those_behind_them() -> None:
    stuck = [f"stuck {number}" for number in range(ORDERS_AT_ONCE - 1)]
    order_ids = [str(number) for number in range(500)]
    orders = under_way(LedgerThatFills(order_ids), [*stuck, *order_ids])

    asyncio.run(orders.drain(timeout_s=0.3))

    assert len(orders) == len(stuck)


def test_there_is_room_as_soon_as_fewer_are_under_way() -> None:
    order_ids = [str(number) for number in range(300)]
    orders = under_way(LedgerThatFills(order_ids), order_ids)

    async def wait_for_room() -> int:
        async with asyncio.timeout(10), background(orders.follow()):
            await orders.room(150)
            return len(orders)

    assert asyncio.run(wait_for_room()) < 150


def test_nobody_waits_for_room_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LONGEST_WAIT_S", 0.01)
    orders = under_way(LedgerThatFills([]), ["stuck"])

    asyncio.run(orders.room(1))

    assert len(orders) == 1


def test_endings_follow_from_the_orders() -> None:
    audit = Audit([LedgerOrder("a", "confirmed", 10.0, 10.5), LedgerOrder("b", "failed", 10.0, 12.0)])

    assert audit.endings == {"confirmed": 1, "failed": 1}
