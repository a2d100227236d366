"""Steps, in whatever batches they come to the ledger, lead to the row, the history and the fills of the whole order."""

import json
from itertools import accumulate, pairwise

import msgspec
import pg8000.native
import pytest

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import Order, event_of
from tests.support.builders import encode
from tests.support.former_ledger import write_formerly
from tests.support.ledger_checks import check
from tests.support.order_steps import NOW_MS, confirmed, pending, routed, step_document, submitted, way_of
from tests.support.order_steps import whole_document as whole
from tests.support.waiting import eventually


def steps_of(*snapshots: Order) -> list[OrderDocument]:
    return [step_document(order) for order in snapshots]


@pytest.mark.parametrize("sizes", [[5], [3, 2], [1, 4], [2, 2, 1], [1] * 5], ids=str)
@pytest.mark.parametrize("times", [1, 2])
def test_the_steps_of_an_order_may_come_in_any_batches(ledger: Ledger, sizes: list[int], times: int) -> None:
    way = way_of(pending())
    batches = [steps_of(*way[begin:end]) for begin, end in pairwise([0, *accumulate(sizes)])]

    lacking = [ledger.write(batch) for batch in batches for _ in range(times)]

    assert not any(lacking)
    check(ledger, way)


@pytest.mark.parametrize("length", [1, 2, 4])
def test_an_order_may_fail_after_any_step(ledger: Ledger, length: int) -> None:
    way = way_of(pending())[:length]
    way.append(way[-1].fail('no "route"\\', NOW_MS + 100))

    for step in steps_of(*way):
        assert not ledger.write([step])

    check(ledger, way)


def test_the_steps_of_a_batch_may_be_in_any_order(ledger: Ledger) -> None:
    ways = [way_of(pending()) for _ in range(3)]

    lacking = ledger.write(steps_of(*(order for way in ways for order in reversed(way))))

    assert not lacking
    for way in ways:
        check(ledger, way)


def test_earlier_batches_that_come_again_change_nothing(ledger: Ledger) -> None:
    way = way_of(pending())
    batches = [steps_of(*way[:3]), steps_of(*way[3:])]
    for batch in batches:
        ledger.write(batch)

    assert not any(ledger.write(batch) for batch in (batches[0], batches[1], [batches[0][0]]))

    check(ledger, way)


@pytest.mark.parametrize("first", [1, 3])
def test_an_order_of_which_the_beginning_is_missing_is_lacking_until_it_is_written_wholly(
    ledger: Ledger, first: int
) -> None:
    way, other = way_of(pending()), way_of(pending())

    lacking = ledger.write(steps_of(*way[first:], *other))

    assert lacking == {way[0].order_id}
    assert ledger.find(way[0].order_id, LOCAL_ACCOUNT) is None
    check(ledger, other)
    assert not ledger.write([whole(way[-1])])
    # Meanwhile it shows what it knows; and whatever was given up may come after all, as late as it likes.
    assert not ledger.write(steps_of(*way[:first]))
    check(ledger, way)


def test_an_order_with_a_step_missing_between_two_is_lacking_and_keeps_what_it_has(ledger: Ledger) -> None:
    way = way_of(pending())
    ledger.write(steps_of(way[0]))

    assert ledger.write(steps_of(way[2])) == {way[0].order_id}

    row = ledger.find(way[0].order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.status == "pending"
    assert not ledger.write([whole(way[2])])
    assert not ledger.write(steps_of(way[1]))
    check(ledger, way[:3])


def test_a_batch_may_leave_out_a_step_that_is_written_already(ledger: Ledger) -> None:
    way, other = way_of(pending()), way_of(pending())
    ledger.write(steps_of(*way[:3]))

    lacking = ledger.write(steps_of(way[0], *way[2:], other[0], other[3]))

    assert lacking == {other[0].order_id}
    check(ledger, way)


def test_the_order_as_redis_has_it_may_be_further_than_the_steps(ledger: Ledger) -> None:
    way = way_of(pending())
    assert ledger.write(steps_of(way[1]))

    ledger.write([whole(way[4])])

    assert not ledger.write(steps_of(*way[2:]))
    assert not ledger.write(steps_of(way[0]))
    check(ledger, way)


def test_steps_follow_the_whole_orders_of_the_release_before(ledger: Ledger) -> None:
    named = Order.accept(pending().order_id, pending().request, NOW_MS, "desk-7.42")
    way = way_of(named)
    ledger.write([whole(way[0]), whole(way[1])])

    assert not ledger.write([whole(way[2]), step_document(way[3])])
    assert not ledger.write(steps_of(way[4]))

    check(ledger, way)


@pytest.mark.parametrize("former", [(1, 2), (3,), (2, 3, 4), (4, 5)], ids=str)
def test_the_release_before_writes_beside_this_one(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, former: tuple[int, ...]
) -> None:
    way = way_of(pending())

    for order in way:
        if order.sequence in former:
            assert not write_formerly(ledger_connection, [order])
        else:
            assert not ledger.write([step_document(order)])

    check(ledger, way)


def test_events_of_the_release_before_are_shown_as_they_were_written(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    way = way_of(pending())
    for order in way[:3]:
        event = event_of(order)
        ledger_connection.run(
            "INSERT INTO order_events (order_id, sequence, status, event, occurred_at)"
            " VALUES (:order_id, :sequence, :status, CAST(:event AS jsonb), :at)",
            order_id=order.order_id,
            sequence=order.sequence,
            status=str(order.status),
            event=encode(event),
            at=event.timestamp,
        )

    ledger.write([whole(way[2]), *steps_of(*way[3:])])

    check(ledger, way)


def test_an_event_is_not_kept_twice(ledger: Ledger, ledger_connection: pg8000.native.Connection) -> None:
    ledger.write(steps_of(*way_of(pending())))

    assert ledger_connection.run("SELECT count(*) FROM order_events WHERE event IS NOT NULL") == [[0]]


def test_an_order_is_looked_up_through_its_index_although_the_table_was_small_when_that_was_planned(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    def scans() -> tuple[int, int]:
        ledger_connection.run("SELECT pg_stat_clear_snapshot()")
        ((of_the_table, of_an_index),) = ledger_connection.run(
            "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'orders'"
        )
        return int(of_the_table), int(of_an_index)

    ledger.write(steps_of(pending()))
    ledger_connection.run("VACUUM ANALYZE orders")  # from here on Postgres knows that it is small
    ledger.close()
    before = scans()
    for _ in range(10):  # the last of them by the plan that is kept
        order = pending()
        ledger.write(steps_of(order))
        ledger.write(steps_of(routed(order)))

    ledger.close()  # with which its statistics are counted
    eventually(lambda: scans()[1] >= before[1] + 10)
    assert scans()[0] == before[0]


def test_a_document_with_members_that_are_not_kept_is_written(ledger: Ledger) -> None:
    order = pending()
    known = json.loads(encode(order)) | {"colour": "red", "transaction": {"instructions": ["swap"]}}

    ledger.write([msgspec.convert(known, OrderDocument, strict=False)])

    check(ledger, [order])


def test_fills_carry_the_signature_and_the_time_of_their_step(
    ledger: Ledger, ledger_connection: pg8000.native.Connection
) -> None:
    way = [pending()]
    way = [way[0], submitted(way[0]), confirmed(way[0])]
    ledger.write([whole(way[1])])

    ledger.write(steps_of(way[2]))

    assert ledger_connection.run("SELECT tx_hash, extract(epoch FROM executed_at)::float8 FROM fills") == [
        [way[2].tx_hash, way[2].updated_at_ms / 1000]
    ]


@pytest.mark.parametrize("merged", [True, False])
def test_an_order_keeps_its_account_whatever_steps_follow_and_is_nobody_elses(ledger: Ledger, merged: bool) -> None:
    way = way_of(msgspec.structs.replace(pending(), account="desk-1"))
    documents = [step_document(order) for order in way]
    order_id = way[0].order_id

    for batch in [documents] if merged else [[document] for document in documents]:
        ledger.write(batch)

    check(ledger, way)
    for other in (LOCAL_ACCOUNT, "desk-2"):
        assert ledger.find(order_id, other) is None
        assert ledger.find_each([order_id], other) == {}
        assert ledger.history(order_id, other) == []
