"""Lists of orders by type, by parent, and of those that have not ended: the same as by looking at each, and soon."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pg8000.native
import pytest

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_queries import OrderFilter, query_for
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.order import Order, OrderId
from orderflow.domain.status import Status
from tests.support.builders import make_order, make_waiting_order
from tests.support.order_steps import NOW_MS, pending, whole_document

PAIRS = [("SOL", "USDC"), ("USDC", "SOL"), ("BONK", "SOL"), ("MOON200", "SOL"), ("USDC", "MOON225"), ("USDC", "")]
PARENT = OrderId("01a20477-0e30-7f12-9c41-0d1e2f3a4b5c")
LIMITS = [Status.OPEN, Status.TRIGGERED, Status.SUBMITTED, Status.PARTIALLY_FILLED, Status.CONFIRMED, Status.CANCELLED]
MARKET_ORDERS = [Status.PENDING, Status.SUBMITTED, Status.CONFIRMED, Status.FAILED]


MINE, YOURS = "desk-1", "desk-2"
ACCOUNTS = (LOCAL_ACCOUNT, MINE)


def some_orders(account: str = LOCAL_ACCOUNT) -> Iterator[Order]:
    """Yield an account's orders of many kinds, of each moment three."""
    limits = [make_waiting_order(status) for status in LIMITS]
    stops = [make_waiting_order(status, "stop_loss") for status in (Status.OPEN, Status.EXPIRED, Status.PENDING)]
    kinds = [*limits, *stops, *map(make_order, MARKET_ORDERS)]
    for number, (kind, (token_in, token_out), parent_id) in enumerate(
        itertools.product(kinds, PAIRS, (None, None, PARENT))
    ):
        request = msgspec.structs.replace(kind.request, token_in=token_in, token_out=token_out)
        yield msgspec.structs.replace(
            kind,
            order_id=pending().order_id,
            created_at_ms=NOW_MS + number * 7 % 13 * 1000,
            request=request,
            parent_id=parent_id,
            account=account,
        )


def admits(wanted: OrderFilter, order: Order) -> bool:
    request = order.request
    return (
        wanted.account == order.account
        and wanted.status in (None, order.status)
        and wanted.order_type in (None, request.order_type)
        and wanted.token_in in (None, request.token_in)
        and wanted.token_out in (None, request.token_out)
        and wanted.parent_id in (None, order.parent_id)
        and not (wanted.open and order.status in TERMINAL)
    )


def test_orders_are_the_same_page_by_page_as_by_looking_at_each(ledger: Ledger) -> None:
    of_all = [order for account in (*ACCOUNTS, YOURS) for order in some_orders(account)]
    orders = sorted(of_all, key=lambda order: (order.created_at_ms, order.order_id), reverse=True)
    ledger.write([whole_document(order) for order in orders])
    statuses, types = (None, "open", "submitted", "confirmed"), (None, "market", "limit", "oco")
    tokens = ((None, None), ("SOL", None), ("USDC", None), (None, "SOL"), (None, "MOON225"), ("USDC", "SOL"))

    for account, is_open, parent_id, status, order_type, (token_in, token_out) in itertools.product(
        ACCOUNTS, (False, True), (None, PARENT), statuses, types, tokens
    ):
        more: dict[str, Any] = {"order_type": order_type, "parent_id": parent_id, "open": is_open}
        wanted = OrderFilter(7, account, status, token_in, token_out, **more)
        seen: list[str] = []
        while page := ledger.find_all(wanted):
            seen += [row.order_id for row in page]
            before = (page[-1].created_at.isoformat(), page[-1].order_id)
            wanted = msgspec.structs.replace(wanted, before=before)

        assert seen == [order.order_id for order in orders if admits(wanted, order)], wanted


FEW = [
    {"order_type": "twap"},
    {"order_type": "limit", "status": "failed"},
    {"order_type": "limit", "token_in": "WIF"},
    {"order_type": "market"},
    {"token_in": "WIF"},
    {"token_out": "MOON225"},
    {"token_in": "USDC"},
    {"open": True},
    {"open": True, "token_in": "WIF", "token_out": "SOL"},
    {"open": True, "order_type": "twap"},
    {"open": True, "order_type": "market"},
    {"parent_id": PARENT},
    {"parent_id": PARENT, "token_in": "WIF", "open": True},
]


@pytest.mark.parametrize("wanted", FEW, ids=str)
def test_a_page_reads_little_of_a_large_table(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, wanted: dict[str, Any]
) -> None:
    ledger_connection.run(
        "INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,"
        " created_at, updated_at) SELECT gen_random_uuid(), 5, 'confirmed', CASE WHEN n % 2 = 0 THEN 'market' ELSE"
        " 'limit' END, 'SOL', 'USDC', 1, 500, now() - n * interval '1 s', now() FROM generate_series(1, 20000) AS n"
    )
    ledger.write([whole_document(order) for order in some_orders()])
    ledger_connection.run("VACUUM ANALYZE orders")
    statement, values = query_for(OrderFilter(51, LOCAL_ACCOUNT, **wanted))

    [[plan], *_] = ledger_connection.run(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", **values)

    assert rows_read(plan[0]["Plan"]) < 500


OF_AN_ACCOUNT = [
    {},
    {"status": "failed"},
    {"status": "confirmed", "order_type": "limit"},
    {"client_order_id": "1"},
    {"before": ("2001-01-01T00:00:00+00:00", PARENT)},
    {"open": True, "status": "open"},
    *FEW,
]


@pytest.mark.parametrize("account", [MINE, YOURS, "desk-3", "unknown"])
@pytest.mark.parametrize("wanted", OF_AN_ACCOUNT, ids=str)
def test_a_page_of_an_account_reads_little_however_many_orders_others_have(
    ledger: Ledger, ledger_connection: pg8000.native.Connection, account: str, wanted: dict[str, Any]
) -> None:
    # The account desk-2 has a twentieth of all orders, desk-3 one that is older than those of all others.
    ledger_connection.run(
        "INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,"
        " created_at, updated_at, account, client_order_id) SELECT gen_random_uuid(), 5, 'confirmed',"
        " CASE WHEN n % 3 = 0 THEN 'limit' ELSE 'market' END, 'SOL', 'USDC', 1, 500, now() - n * interval '1 s',"
        " now(), CASE WHEN n = 20000 THEN 'desk-3' WHEN n % 20 = 0 THEN 'desk-2' WHEN n % 20 = 1 THEN 'local'"
        " ELSE 'desk-' || 10 + n % 500 END, (n / 500)::text FROM generate_series(1, 20000) AS n"
    )
    ledger_connection.run(
        "INSERT INTO orders (order_id, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,"
        " created_at, updated_at, account) SELECT gen_random_uuid(), 2, 'open', 'limit', 'WIF', 'SOL', 1, 500,"
        " now() - n * interval '1 s', now(), 'desk-' || 10 + n % 500 FROM generate_series(1, 5000) AS n"
    )
    ledger.write([whole_document(order) for each in ACCOUNTS for order in some_orders(each)])
    ledger_connection.run("VACUUM ANALYZE orders")
    statement, values = query_for(OrderFilter(51, account, **wanted))

    [[plan], *_] = ledger_connection.run(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", **values)

    assert rows_read(plan[0]["Plan"]) < 500


def rows_read(plan: dict[str, Any]) -> float:
    """Return how many rows of tables a plan has looked at."""
    here = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    of_table = here * plan["Actual Loops"] if "Relation Name" in plan else 0
    return float(of_table + sum(rows_read(below) for below in plan.get("Plans", [])))
