"""The bench's wait for the end of every order in the ledger."""

import asyncio
import time
from collections.abc import Collection

import pytest

from tests.harness.bench.ledger import ORDERS_AT_ONCE, Audit, wait_until_ended


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


def test_waiting_ends_when_the_ledger_has_the_end_of_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.harness.bench.ledger.POLL_S", 0)
    order_ids = [str(number) for number in range(1000)]
    ledger = LedgerThatFills(order_ids)

    asyncio.run(wait_until_ended(ledger, order_ids, timeout_s=10))

    assert ledger.over == 10
    assert ledger.most_asked == ORDERS_AT_ONCE


def test_waiting_for_an_order_that_never_ends_has_an_end() -> None:
    began = time.perf_counter()

    seen_at = asyncio.run(wait_until_ended(LedgerThatFills([]), ["lost"], timeout_s=0.1))

    assert 0.1 <= seen_at - began < 2
