"""The ledger on a real Postgres: every order once, every event in sequence, whatever is written twice or late."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError

from functions.read_orders.cursor import decode_cursor
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.adapters.postgres import connect
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import order_at
from tests.support.order_steps import NOW_MS, a_request, confirmed, pending, submitted, whole_document
from tests.support.waiting import eventually


def history(order: Order) -> list[OrderDocument]:
    return [whole_document(order), whole_document(submitted(order)), whole_document(confirmed(order))]


def test_a_batch_is_written_with_state_events_and_fills(ledger: Ledger) -> None:
    order = pending()
    end = confirmed(order)

    ledger.write(history(order))

    row = ledger.find(order.order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert (row.status, row.sequence, int(row.amount_in)) == ("confirmed", 5, 1_000_000_000)
    assert row.execution_price == end.execution_price
    assert [event.sequence for event in ledger.history(order.order_id, LOCAL_ACCOUNT)] == [1, 4, 5]
    [fill] = ledger.fills(order.order_id)
    assert fill.amount_out == end.amount_out


def test_many_orders_are_found_at_once_and_those_that_are_unknown_are_not(ledger: Ledger) -> None:
    some = [pending() for _ in range(3)]
    ledger.write([whole_document(order) for order in some])

    found = ledger.find_each([*(order.order_id for order in some), pending().order_id], LOCAL_ACCOUNT)

    assert found == {order.order_id: ledger.find(order.order_id, LOCAL_ACCOUNT) for order in some}
    assert ledger.find_each([], LOCAL_ACCOUNT) == {}


@pytest.mark.parametrize("status", list(Status))
def test_the_ledger_holds_every_status(ledger: Ledger, status: Status) -> None:
    order = order_at(status)

    ledger.write([whole_document(order)])

    row = ledger.find(order.order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.status == status


def test_writing_again_or_late_changes_nothing(ledger: Ledger) -> None:
    order = pending()
    ledger.write(history(order))
    before = ledger.find(order.order_id, LOCAL_ACCOUNT)

    ledger.write(history(order))
    ledger.write([whole_document(order)])

    assert ledger.find(order.order_id, LOCAL_ACCOUNT) == before
    assert len(ledger.history(order.order_id, LOCAL_ACCOUNT)) == 3
    assert len(ledger.fills(order.order_id)) == 1


def test_amounts_up_to_64_bits_are_kept_to_the_atom(ledger: Ledger) -> None:
    order = pending(request=a_request(amount_in=2**64 - 1))

    ledger.write([whole_document(order)])

    row = ledger.find(order.order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.amount_in == 2**64 - 1


def test_an_order_that_postgres_refuses_leaves_nothing_behind(ledger: Ledger) -> None:
    good, bad = pending(), pending("not-a-uuid")

    with pytest.raises(DatabaseError):
        ledger.write([whole_document(good), whole_document(bad)])

    assert ledger.find(good.order_id, LOCAL_ACCOUNT) is None
    ledger.write([whole_document(good)])
    assert ledger.find(good.order_id, LOCAL_ACCOUNT) is not None


def test_text_that_is_not_sql_stays_text(ledger: Ledger) -> None:
    order = pending().fail("'); DROP TABLE orders; -- 😀 \\u0000", NOW_MS)

    ledger.write([whole_document(order)])

    row = ledger.find(order.order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.reason == order.reason


def test_orders_are_listed_newest_first_page_by_page(ledger: Ledger) -> None:
    orders = [Order.accept(pending().order_id, a_request(), NOW_MS + number // 2) for number in range(7)]
    ledger.write([whole_document(order) for order in orders])
    newest_first = sorted(orders, key=lambda order: (order.created_at_ms, order.order_id), reverse=True)

    seen: list[str] = []
    before = None
    while page := ledger.find_all(OrderFilter(3, LOCAL_ACCOUNT, before=before)):
        seen += [row.order_id for row in page]
        before = (page[-1].created_at.isoformat(), page[-1].order_id)

    assert seen == [order.order_id for order in newest_first]


def test_orders_are_listed_by_status_and_token(ledger: Ledger) -> None:
    sells = pending()
    buys = pending(request=OrderRequest("USDC", "SOL", 5_000_000, "market", 500))
    ledger.write([*history(sells), whole_document(buys)])

    def listed(**wanted: Any) -> list[str]:
        return [row.order_id for row in ledger.find_all(OrderFilter(10, LOCAL_ACCOUNT, **wanted))]

    assert listed(status="confirmed") == [sells.order_id]
    assert listed(token_in="USDC") == [buys.order_id]
    assert listed(token_in="USDC", status="confirmed") == []


PAIRS = [("SOL", "USDC"), ("USDC", "SOL"), ("SOL", "BONK"), ("JUP", "USDC"), ("BONK", "SOL")]


@pytest.mark.parametrize("token_in", [None, "SOL", "USDC", "JUP", "WIF"])
@pytest.mark.parametrize("token_out", [None, "SOL", "USDC", "BONK", "WIF"])
@pytest.mark.parametrize("status", [None, "pending", "failed"])
def test_orders_of_a_token_are_the_same_page_by_page_as_by_looking_at_each(
    ledger: Ledger, token_in: str | None, token_out: str | None, status: str | None
) -> None:
    orders = []
    for number in range(40):
        asked = OrderRequest(*PAIRS[number * number % len(PAIRS)], 5_000_000, "market", 500)
        order = Order.accept(pending().order_id, asked, NOW_MS + number // 3)  # of each moment three
        orders.append(order.fail("no route", NOW_MS + 100) if number % 4 == 0 else order)
    ledger.write([whole_document(order) for order in orders])
    expected = [
        order.order_id
        for order in sorted(orders, key=lambda order: (order.created_at_ms, order.order_id), reverse=True)
        if token_in in (None, order.request.token_in)
        and token_out in (None, order.request.token_out)
        and status in (None, order.status)
    ]

    seen: list[str] = []
    before = None
    while page := ledger.find_all(OrderFilter(5, LOCAL_ACCOUNT, status, token_in, token_out, before=before)):
        seen += [row.order_id for row in page]
        before = (page[-1].created_at.isoformat(), page[-1].order_id)

    assert seen == expected


@pytest.mark.parametrize(
    "wanted",
    [
        OrderFilter(51, LOCAL_ACCOUNT, token_in="WIF"),
        OrderFilter(51, LOCAL_ACCOUNT, token_out="WIF"),
        OrderFilter(51, LOCAL_ACCOUNT, token_in="WIF", token_out="JTO"),
        OrderFilter(51, LOCAL_ACCOUNT, "failed", "SOL", "USDC"),
        OrderFilter(51, LOCAL_ACCOUNT, token_in="SOL"),
    ],
    ids=["in", "out", "pair", "status", "common"],
)
def test_a_page_of_a_token_reads_little_of_a_large_table(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, wanted: OrderFilter
) -> None:
    ledger_connection.run(
        "INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,"
        " created_at, updated_at) SELECT gen_random_uuid(), 5, 'confirmed', 'market', 'SOL', 'USDC', 1, 500,"
        " now() - n * interval '1 s', now() FROM generate_series(1, 20000) AS n"
    )
    ledger_connection.run("VACUUM ANALYZE orders")
    scans_before, read_before = scans_and_rows_read(ledger_connection)

    ledger.find_all(wanted)

    ledger.close()  # with which its statistics are counted
    eventually(lambda: scans_and_rows_read(ledger_connection)[0] > scans_before)
    assert scans_and_rows_read(ledger_connection)[1] - read_before < 1_000


def scans_and_rows_read(connection: pg8000.native.Connection) -> tuple[int, int]:
    """Return how many scans of the table orders there were, and the rows that they read, all in all."""
    connection.run("SELECT pg_stat_clear_snapshot()")
    ((scans, rows),) = connection.run(
        "SELECT seq_scan + idx_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'orders'"
    )
    return int(scans), int(rows)


def test_orders_are_listed_by_the_name_that_their_client_gave_them(ledger: Ledger) -> None:
    named = [Order.accept(pending().order_id, a_request(), NOW_MS + number, "desk-7.42") for number in range(2)]
    other = Order.accept(pending().order_id, a_request(), NOW_MS, "desk-7.43")
    ledger.write([*history(named[0]), whole_document(named[1]), whole_document(other), whole_document(pending())])

    listed = ledger.find_all(OrderFilter(10, LOCAL_ACCOUNT, client_order_id="desk-7.42"))

    assert [row.order_id for row in listed] == [order.order_id for order in reversed(named)]
    assert {row.client_order_id for row in listed} == {"desk-7.42"}
    assert {row.client_order_id for row in ledger.find_all(OrderFilter(10, LOCAL_ACCOUNT))} == {
        "desk-7.42",
        "desk-7.43",
        None,
    }


def test_a_broken_connection_is_replaced(ledger: Ledger, ledger_connection: pg8000.native.Connection) -> None:
    ledger.ping()
    ledger_connection.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    ledger.ping()


def test_an_unavailable_postgres_can_be_tried_again(database_url: str) -> None:
    gone = Ledger(lambda: connect(database_url.replace("host=", "host=/nowhere")))

    with pytest.raises(RetryableError, match="can't be reached"):
        gone.write([whole_document(pending())])


def test_threads_share_a_few_connections(ledger: Ledger) -> None:
    orders = [pending() for _ in range(100)]
    start = threading.Barrier(20)

    def write(part: list[Order]) -> None:
        start.wait()
        ledger.write([whole_document(order) for order in part])

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(write, [orders[number::20] for number in range(20)]))

    assert len(ledger.find_all(OrderFilter(200, LOCAL_ACCOUNT))) == 100


@pytest.mark.parametrize(
    "moment",
    [
        *("0001-01-01T00:00:00", "0001-01-01T13:00:00-14:00", "9999-12-31T23:59:59.999999", "2026-W47-7"),
        *("20261122T181401Z", "2026-11-22T18:14:01+14:00", "2026-11-22T18:14:01.5-00:00:01", "2024-02-29"),
    ],
)
def test_whatever_moment_a_cursor_may_have_postgres_reads_it(ledger: Ledger, moment: str) -> None:
    order_id = pending().order_id
    cursor = base64.urlsafe_b64encode(f"{moment} {order_id}".encode()).decode()

    assert ledger.find_all(OrderFilter(5, LOCAL_ACCOUNT, before=decode_cursor(cursor))) == []
    assert ledger.find_all(OrderFilter(5, LOCAL_ACCOUNT, token_in="SOL", before=decode_cursor(cursor))) == []
