"""Orders that wait, in the ledger: statuses that come again, and whatever the batches, the row that Redis has."""

import random
from collections.abc import Iterator, Sequence

import pg8000.native
import pytest

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import Order
from orderflow.domain.slicing import slice_request
from orderflow.domain.status import Status
from tests.support.builders import make_waiting_request
from tests.support.ledger_checks import check, check_fills, check_row
from tests.support.order_steps import NOW_MS, pending, step_document
from tests.support.ways import WAYS, in_parts, opened, tried_again

every_way = pytest.mark.parametrize("name", WAYS)


def steps_of(way: Sequence[Order]) -> list[OrderDocument]:
    return [step_document(order) for order in way]


def cut(steps: Sequence[OrderDocument], size: int) -> Iterator[Sequence[OrderDocument]]:
    for start in range(0, len(steps), size):
        yield steps[start : start + size]


@every_way
def test_after_each_step_the_ledger_has_the_order_as_it_is(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, name: str
) -> None:
    way = WAYS[name]()

    for number, step in enumerate(steps_of(way), start=1):
        assert not ledger.write([step])
        check(ledger, way[:number])

    check_fills(ledger_connection, way)


@every_way
@pytest.mark.parametrize("size", [2, 3, 5, 100])
@pytest.mark.parametrize("times", [1, 2])
def test_the_steps_may_come_in_any_batches(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, name: str, size: int, times: int
) -> None:
    way = WAYS[name]()

    lacking = [ledger.write(batch) for batch in cut(steps_of(way), size) for _ in range(times)]

    assert not any(lacking)
    check(ledger, way)
    check_fills(ledger_connection, way)


@pytest.mark.parametrize("seed", range(8))
def test_steps_that_come_again_and_out_of_order_change_nothing(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    ways = [make() for make in WAYS.values()]
    steps = [step for way in ways for step in steps_of(way)]
    batches = list(cut(steps, chance.randint(2, 40)))

    for number, batch in enumerate(batches):
        again = [step for earlier in batches[:number] for step in earlier if chance.random() < 0.3]
        assert not ledger.write(chance.sample([*batch, *again], len(batch) + len(again)))

    for way in ways:
        check(ledger, way)
        check_fills(ledger_connection, way)


@every_way
def test_an_order_with_a_step_missing_is_as_it_is_after_all_its_steps_come_together(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, name: str
) -> None:
    way = WAYS[name]()
    steps = steps_of(way)
    assert not ledger.write(steps[:2])

    assert ledger.write(steps[3:]) == {way[0].order_id}
    row = ledger.find(way[0].order_id, LOCAL_ACCOUNT)
    assert row is not None
    check_row(row, way[1])

    assert not ledger.write(steps)
    check(ledger, way)
    check_fills(ledger_connection, way)


def test_events_are_kept_as_they_were_sent_where_they_do_not_follow_from_the_order(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    ways = {name: make() for name, make in WAYS.items()}
    for way in ways.values():
        ledger.write(steps_of(way))

    kept = {
        name: [
            sequence
            for (sequence,) in ledger_connection.run(
                "SELECT sequence FROM order_events WHERE event IS NOT NULL AND order_id = CAST(:id AS uuid) ORDER BY 1",
                id=way[0].order_id,
            )
        ]
        for name, way in ways.items()
    }

    of_market_orders = {"cancelled-market-order", "expired-market-order", "bracket"}
    for name, way in ways.items():
        assert kept[name] == ([5] if name in of_market_orders else list(range(1, len(way) + 1)))


def test_what_an_order_waits_for_is_there_only_where_there_is_something(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    ledger.write(steps_of([pending(), *opened(make_waiting_request("oco"))]))

    assert ledger_connection.run("SELECT order_type FROM orders WHERE terms IS NULL") == [["market"]]


def test_a_refused_attempts_signature_is_the_orders_until_it_is_fired_again(ledger: Ledger) -> None:
    way = tried_again()
    refused = next(n for n, order in enumerate(way) if order.status is Status.OPEN and order.attempts == 1)

    ledger.write(steps_of(way[: refused + 1]))
    seen = [ledger.find(way[0].order_id, LOCAL_ACCOUNT)]
    ledger.write(steps_of(way[refused + 1 : refused + 2]))
    seen.append(ledger.find(way[0].order_id, LOCAL_ACCOUNT))

    assert [row and (row.tx_hash, row.status) for row in seen] == [("0x01", "open"), (None, "triggered")]


def test_fills_are_numbered_on_through_all_transactions_of_an_order(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    way = in_parts()

    ledger.write(steps_of(way))

    signatures = [tx_hash for (tx_hash,) in ledger_connection.run("SELECT tx_hash FROM fills ORDER BY leg")]
    assert list(dict.fromkeys(signatures)) == ["0x01", "0x03", "0x04"]


def test_the_children_of_an_order_are_found_oldest_first(ledger: Ledger) -> None:
    parent = opened(make_waiting_request("twap")).last
    slices = [
        Order.accept(pending().order_id, slice_request(parent), NOW_MS + number, None, parent.order_id, number)
        for number in (3, 1, 2)
    ]
    ledger.write(steps_of([*slices, pending()]))

    found = ledger.children(parent.order_id)

    assert [row.slice for row in found] == [1, 2, 3]
    for row in found:
        check_row(row, next(order for order in slices if order.order_id == row.order_id))
    assert ledger.children(slices[0].order_id) == []
