"""read_orders through its Lambda handler: orders and health."""

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import redis

from functions.read_orders.resting_view import next_request
from orderflow.adapters.books import Resting
from orderflow.adapters.ledger import OrderRow
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.amounts import PRICE_CONTEXT
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderType, event_of
from orderflow.domain.resting import Marks
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.at_once import AtOnce
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    WAITING_TYPES,
    make_order,
    make_waiting_order,
    nth_id,
    read_event,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import USDC_MINT, assert_problem, assert_refused, call, get
from tests.support.ledger_rows import fills_of, row_of

pytestmark = pytest.mark.usefixtures("_event_loop")


def make_row(order_id: str, status: Status = Status.CONFIRMED) -> OrderRow:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    return OrderRow(
        order_id, 5, status, "market", "SOL", "USDC", Decimal(12_500_000_000), 500, None, None, None, None, None, at, at
    )


def test_an_order_that_redis_holds_is_shown_from_there(outside: Outside) -> None:
    order = make_order(Status.SUBMITTED)
    history = [event_of(make_order(status)) for status in COURSE[: order.sequence - 1]]
    outside.orders.known[ORDER_ID] = (order, [*history, event_of(order)])
    outside.ledger.error = RetryableError("Postgres is unavailable")

    answer = call(read_event("read_orders.get_order"))

    assert answer.status == 200
    assert answer.document["order_id"] == ORDER_ID
    assert (answer.document["status"], answer.document["sequence"]) == ("submitted", order.sequence)
    assert [event["sequence"] for event in answer.document["history"]] == list(range(1, order.sequence + 1))


def test_an_order_that_has_left_redis_is_shown_from_the_ledger(outside: Outside) -> None:
    order = make_order(Status.CONFIRMED)
    outside.ledger.rows[ORDER_ID] = make_row(ORDER_ID, order.status)
    outside.ledger.histories[ORDER_ID] = [event_of(order)]

    answer = get(f"/api/orders/{ORDER_ID.upper()}")

    assert answer.status == 200
    assert (answer.document["order_id"], answer.document["status"]) == (ORDER_ID, "confirmed")
    assert [event["status"] for event in answer.document["history"]] == ["confirmed"]


@pytest.mark.parametrize("unknown", [OTHER_ID, "x", "1", "%00", "01a20477-0e28-7d4b-9a3f"])
def test_an_unknown_order_is_not_found(outside: Outside, unknown: str) -> None:
    problem = assert_problem(get(f"/api/orders/{unknown}"), 404, "Not Found")

    assert problem["detail"].startswith("there is no order ")


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), RetryableError("gone")])
def test_an_order_that_can_not_be_looked_up_is_asked_for_again_later(outside: Outside, error: Exception) -> None:
    outside.orders.error = error

    answer = call(read_event("read_orders.get_order"))

    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


def test_orders_are_listed_with_what_filters_them(outside: Outside) -> None:
    outside.ledger.rows = {each: make_row(each) for each in (ORDER_ID, OTHER_ID)}

    answer = get("/api/orders", status="confirmed", token_in="sol", token_out=USDC_MINT, limit="10")

    assert outside.ledger.asked == [OrderFilter(11, LOCAL_ACCOUNT, "confirmed", "SOL", "USDC")]
    assert [order["order_id"] for order in answer.document["orders"]] == [ORDER_ID, OTHER_ID]
    assert answer.document["next_cursor"] is None


def test_a_full_page_leads_to_the_next(outside: Outside) -> None:
    outside.ledger.rows = {nth_id(number): make_row(nth_id(number)) for number in range(3)}

    first = get("/api/orders", limit="2").document
    get("/api/orders", limit="2", cursor=first["next_cursor"])

    assert [order["order_id"] for order in first["orders"]] == [nth_id(0), nth_id(1)]
    assert outside.ledger.asked[1].before == ("2026-11-22T18:14:01.123000+00:00", nth_id(1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "done"}, "status"),
        ({"token_in": "DOGE"}, "token_in"),
        ({"token_out": ""}, "token_out"),
        *[({"limit": limit}, "limit") for limit in ("0", "201", "-1", "ten", "1e2", "", "٣", "000000012345", "9" * 99)],
        *[({"cursor": cursor}, "cursor") for cursor in ("x", "eHg=", "!!!", "MjAyNiB4", "ä")],
    ],
)
def test_a_filter_that_can_not_be_used_is_named(outside: Outside, query: dict[str, str], field: str) -> None:
    problem = assert_problem(get("/api/orders", **query), 400)

    assert [error["field"] for error in problem["errors"]] == [field]
    assert outside.ledger.asked == []


@pytest.mark.parametrize("at", ["2026-W47-7", "20261122T181401Z"])
@pytest.mark.parametrize("written_id", ["urn:uuid:" + ORDER_ID, "{" + ORDER_ID + "}", ORDER_ID.replace("-", "")])
def test_a_cursor_reaches_the_ledger_in_the_one_form_that_postgres_reads(
    outside: Outside, at: str, written_id: str
) -> None:
    cursor = base64.urlsafe_b64encode(f"{at} {written_id}".encode()).decode()

    get("/api/orders", cursor=cursor)

    ((created_at, found_id),) = [asked.before or ("", "") for asked in outside.ledger.asked]
    assert created_at.startswith("2026-11-22T")
    assert found_id == ORDER_ID


def test_health_says_what_answers(outside: Outside) -> None:
    answer = get("/health")

    assert (answer.status, answer.document) == (200, {"status": "ok", "redis": "ok", "postgres": "ok"})


def test_health_says_what_does_not_answer(outside: Outside) -> None:
    outside.redis_health.error = redis.ConnectionError("refused")
    outside.ledger.error = RetryableError("Postgres can't be reached: refused")

    answer = get("/health")

    assert answer.status == 503
    assert answer.document == {
        "status": "unavailable",
        "redis": "unavailable",
        "postgres": "unavailable",
    }


def test_orders_are_listed_by_their_clients_name(outside: Outside) -> None:
    answer = get("/api/orders", client_order_id="desk-7.42")

    assert answer.status == 200
    assert [asked.client_order_id for asked in outside.ledger.asked] == ["desk-7.42"]
    refused = get("/api/orders", client_order_id="a b")
    assert_refused(refused, "client_order_id", "must be printable ASCII without spaces")


@pytest.mark.parametrize("order_type", WAITING_TYPES)
def test_an_order_that_rests_says_why_it_is_not_executed_yet(outside: Outside, order_type: OrderType) -> None:
    order = make_waiting_order(Status.OPEN, order_type)
    outside.orders.known[ORDER_ID] = (order, [event_of(order)])
    outside.books.resting[ORDER_ID] = Resting(order, Marks(watermark=225.0))

    shown = get(f"/api/orders/{ORDER_ID}").document["resting"]

    tick = outside.venue.prices()
    [would_yield] = outside.venue.fit([next_request(order)], [0])
    assert shown["slot"] == tick.slot
    assert shown["why"]
    assert shown["would_yield"] == str(would_yield)
    assert shown["reference_price"] == PRICE_CONTEXT.create_decimal(Decimal(tick.prices["SOL>USDC"].reference))
    assert shown["watermark"] == 225


@pytest.mark.parametrize("status", [Status.PENDING, Status.TRIGGERED, Status.SUBMITTED, Status.CONFIRMED])
def test_an_order_that_does_not_rest_has_nothing_to_say_of_that(outside: Outside, status: Status) -> None:
    order = make_waiting_order(status)
    outside.orders.known[ORDER_ID] = (order, [event_of(order)])
    outside.books.error = outside.chain.error = RetryableError("asked")

    assert get(f"/api/orders/{ORDER_ID}").document["resting"] is None


def test_an_order_that_rests_is_shown_however_many_quotes_are_made(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_waiting_order()
    outside.orders.known[ORDER_ID] = (order, [event_of(order)])
    none = AtOnce("MAX_QUOTES", 0, 1)
    monkeypatch.setattr(async_clients, "quoting", lambda: none)

    shown = get(f"/api/orders/{ORDER_ID}").document["resting"]

    assert (shown["would_yield"], shown["why"]) == (None, "no quote could be made right now")
    assert shown["minimum_out"] == "2737500000"


def test_an_order_of_the_ledger_has_all_that_redis_said_of_it(outside: Outside) -> None:
    order = make_waiting_order(Status.CONFIRMED)
    outside.orders.known[ORDER_ID] = (order, [event_of(order)])
    from_redis = get(f"/api/orders/{ORDER_ID}").document
    del outside.orders.known[ORDER_ID]
    outside.ledger.rows[ORDER_ID] = row_of(order)
    outside.ledger.histories[ORDER_ID] = [event_of(order)]
    outside.ledger.filled[ORDER_ID] = fills_of(order)

    assert get(f"/api/orders/{ORDER_ID}").document == from_redis


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        *[({"status": status.value}, OrderFilter(51, LOCAL_ACCOUNT, status.value)) for status in Status],
        *[
            ({"order_type": kind}, OrderFilter(51, LOCAL_ACCOUNT, order_type=kind))
            for kind in ("market", *WAITING_TYPES)
        ],
        ({"order_type": "dca"}, OrderFilter(51, LOCAL_ACCOUNT, order_type="twap")),
        ({"open": "true"}, OrderFilter(51, LOCAL_ACCOUNT, open=True)),
        ({"parent_id": ORDER_ID.upper()}, OrderFilter(51, LOCAL_ACCOUNT, parent_id=ORDER_ID)),
        (
            {"open": "true", "order_type": "limit", "token_in": "sol"},
            OrderFilter(51, LOCAL_ACCOUNT, order_type="limit", open=True, token_in="SOL"),
        ),
    ],
)
def test_orders_are_listed_by_what_they_are(outside: Outside, query: dict[str, str], wanted: OrderFilter) -> None:
    assert get("/api/orders", **query).status == 200
    assert outside.ledger.asked == [wanted]


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"open": "1"}, "open", "must be true"),
        ({"open": ""}, "open", "must be true"),
        ({"parent_id": "x"}, "parent_id", "must be the id of an order"),
        (
            {"order_type": "iceberg"},
            "order_type",
            "must be one of market, limit, take_profit, stop_loss, trailing_stop, oco, twap, sniper",
        ),
        (
            {"status": "done"},
            "status",
            "must be one of pending, routing, building, submitted, confirmed, failed, open, triggered,"
            " partially_filled, cancelled, expired",
        ),
    ],
)
def test_a_filter_by_what_there_is_not_is_refused_with_its_rule(
    outside: Outside, query: dict[str, str], field: str, rule: str
) -> None:
    assert_refused(get("/api/orders", **query), field, rule)
    assert outside.ledger.asked == []
