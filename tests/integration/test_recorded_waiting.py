"""What the engine does with orders that wait, recorded: in whatever batches, the ledger has what Redis has."""

from collections.abc import Iterator
from decimal import Decimal
from typing import cast

import pytest
import redis

from functions.record_order.handler import lambda_handler
from orderflow.adapters.keys import key
from orderflow.adapters.ledger import Ledger
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.runtime import clients, clock
from orderflow.runtime.taking_back import take_back
from tests.support.builders import records
from tests.support.driven import Driven, driven
from tests.support.ledger_checks import check_row

Entries = list[tuple[str, dict[str, str]]]

SOL, USDC = 10**9, 10**6
EXITS = (
    Trigger("take_profit", 500, price=Price(Decimal(260))),
    Trigger("stop_loss", 2000, price=Price(Decimal(200))),
)
AT_219 = Limit(Price(Decimal(219)))
PLACED = [
    OrderRequest("SOL", "USDC", 5 * SOL, "market", 500),
    OrderRequest("USDC", "SOL", 1000 * USDC, "market", 500, exits=EXITS),
    OrderRequest("SOL", "USDC", 5 * SOL, "limit", 500, limit=Limit(Price(Decimal("221.5")))),
    OrderRequest("SOL", "USDC", 40_000 * SOL, "limit", 500, limit=AT_219, allow_partial=True),
    OrderRequest("SOL", "USDC", 40_000 * SOL, "limit", 500, limit=AT_219, time_in_force="ioc"),
    OrderRequest("SOL", "USDC", 3 * SOL + 1, "twap", 500, schedule=Schedule(3, 800)),
    OrderRequest("SOL", "USDC", SOL, "oco", 500, triggers=EXITS),
]


@pytest.fixture
def engine(
    redis_client: redis.Redis, redis_url: str, database_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Driven]:
    """Lend an engine in which orders of every type have come as far as they come."""
    with driven(redis_client, redis_url, monkeypatch, DATABASE_URL=database_url) as lent:
        monkeypatch.setattr(clients, "ledger", lambda: ledger)
        ids = [lent.place(request) for request in PLACED]
        lent.reprice("SOL", "226")
        lent.advance(10)
        take_back(clients.orders(), ids[-1], Status.CANCELLED, clock.now_ms())
        lent.work()
        yield lent


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_ledger_has_what_redis_has(engine: Driven, ledger: Ledger, size: int) -> None:
    for partition, entries in entries_of(engine).items():
        for start in range(0, len(entries), size):
            record(partition, entries[start : start + size])

    check_all(engine, ledger)


def test_an_order_whose_last_step_alone_is_recorded_comes_from_redis_with_all_that_is_known_of_it(
    engine: Driven, ledger: Ledger
) -> None:
    for partition, entries in entries_of(engine).items():
        record(partition, list({fields["order_id"]: fields for fields in entries}.values()))

    check_all(engine, ledger)


def entries_of(engine: Driven) -> dict[str, list[dict[str, str]]]:
    """Return the fields of all entries of `status`, by partition."""
    partitions = clients.books().partitions
    entries = {each: cast("Entries", engine.client.xrange(key(each, "status"))) for each in partitions}
    return {partition: [fields for _, fields in of_partition] for partition, of_partition in entries.items()}


def record(partition: str, entries: list[dict[str, str]]) -> None:
    event = records("status", entries, partition=partition)
    assert lambda_handler(event, None) == {"batchItemFailures": []}


def check_all(engine: Driven, ledger: Ledger) -> None:
    """Fail unless the ledger says of each order what Redis does, and orders have come to all that they may come to."""
    ids = {fields["order_id"] for entries in entries_of(engine).values() for fields in entries}
    seen: set[str] = set()
    for order_id in ids:
        order, row = engine.order(order_id), ledger.find(order_id, LOCAL_ACCOUNT)
        assert row is not None
        check_row(row, order)
        assert ledger.history(order_id, LOCAL_ACCOUNT) == engine.history(order_id)
        assert [(fill.pool, fill.amount_out) for fill in ledger.fills(order_id)] == [
            (leg.pool, leg.amount_out) for leg in order.fills
        ]
        children = {child.order_id for child in ledger.children(order_id)}
        assert children == {event.child_id for event in engine.history(order_id) if event.child_id}
        seen |= {event.status.value for event in ledger.history(order_id, LOCAL_ACCOUNT)}
    assert seen == {status.value for status in Status} - {"failed", "expired"}
    assert len(ids) == len(PLACED) + 1 + 3
