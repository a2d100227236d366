"""Orders as clients see them, whether Redis or the ledger holds them."""

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Order, OrderRequest, OrderType, Progress, StatusEvent, event_of
from orderflow.domain.status import Status
from orderflow.runtime.http.order_view import details_of, order_of, summary_of
from orderflow.runtime.http.responses import json_response
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_request,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    with_slice,
)
from tests.support.ledger_rows import fills_of, row_of

KEYS = [
    "order_id",
    "client_order_id",
    "status",
    "sequence",
    "order_type",
    "token_in",
    "token_out",
    "amount",
    "max_slippage",
    "created_at",
    "updated_at",
    "execution_price",
    "tx_hash",
    "reason",
    "amount_filled",
    "amount_remaining",
    "average_price",
    "parent_id",
]
"""What every order has, whatever its type."""


def document(view: object) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(bytes(json_response(view).body), parse_float=Decimal)
    return shown


def history_to(order: Order) -> list[StatusEvent]:
    return [event_of(make_order(status)) for status in COURSE[: order.sequence - 1]] + [event_of(order)]


def name_of(order: Order) -> str:
    return f"{order.request.order_type}-{order.status}"


def test_a_confirmed_order_is_shown_with_its_route_fills_and_history() -> None:
    order = structs.replace(make_order(Status.CONFIRMED), client_order_id="desk-7.42")

    shown = document(details_of(order, history_to(order)))

    assert list(shown) == [*KEYS, "children", "resting", "route", "minimum_out", "fills", "history"]
    assert shown["minimum_out"] == str(order.built_transaction.minimum_out)
    assert {key: shown[key] for key in KEYS} == {
        "order_id": ORDER_ID,
        "client_order_id": "desk-7.42",
        "status": "confirmed",
        "sequence": len(COURSE),
        "order_type": "market",
        "token_in": "SOL",
        "token_out": "USDC",
        "amount": "12.5",
        "max_slippage": Decimal("0.05"),
        "created_at": "2026-11-22T18:14:01.123Z",
        "updated_at": "2026-11-22T18:14:01.123Z",
        "execution_price": Decimal("219.75466696"),
        "tx_hash": order.tx_hash,
        "reason": None,
        "amount_filled": "12.5",
        "amount_remaining": "0",
        "average_price": Decimal("219.75466696"),
        "parent_id": None,
    }
    assert (shown["children"], shown["resting"]) == ([], None)
    assert shown["fills"] == [
        {
            "venue": "meteora",
            "pool": "meteora_dlmm:SOL-USDC",
            "token_in": "SOL",
            "token_out": "USDC",
            "amount_in": "12500000000",
            "amount_out": "2746933337",
            "fee": "12500000",
            "fee_token": "SOL",
        }
    ]
    assert [event["status"] for event in shown["history"]] == list(COURSE)
    assert shown["history"][1]["route"] == shown["route"]


MARKET_ORDERS = [make_order(status) for status in (*COURSE, Status.FAILED)]
WAITING_ORDERS = [
    *(make_waiting_order(status) for status in Status),
    *(make_waiting_order(status, "oco") for status in Status),
    *(make_waiting_order(status, "twap") for status in (Status.OPEN, Status.PARTIALLY_FILLED, Status.CONFIRMED)),
]


@pytest.mark.parametrize("order", [*MARKET_ORDERS, *WAITING_ORDERS], ids=name_of)
@pytest.mark.parametrize("client_order_id", [None, "desk-7.42"])
def test_the_ledger_and_redis_show_an_order_alike(order: Order, client_order_id: str | None) -> None:
    order = structs.replace(order, client_order_id=client_order_id, parent_id=OTHER_ID)

    from_redis = document(details_of(order, history_to(order)))
    from_ledger = document(details_of(order_of(row_of(order)), history_to(order), fills_of(order)))

    assert from_redis == from_ledger


BRACKET = make_waiting_request(exits=make_waiting_request("oco").triggers)
LATER = make_waiting_request(expires_at_ms=NOW_MS + 1, time_in_force="gtd", allow_partial=True)
BY_AMOUNT = make_waiting_request(limit=Limit(min_amount_out=2_767_125_000))
BOUGHT = make_waiting_request(limit=Limit(Price(Decimal("0.004545"), inverted=True)))
STOP_LIMIT = Trigger("stop_loss", 2_000, price=Price(Decimal("2.1E+2")), slots=3, limit=Limit(Price(Decimal(205))))
TRAILING = Trigger("trailing_stop", 2_000, trail_bps=150, activation_price=Price(Decimal(230)))
GOOD = {"time_in_force": "gtc", "expires_at": None}
PROFIT = {"trigger_price": "250", "trigger_slots": 1, "max_slippage": Decimal("0.05")}
STOP = {"trigger_price": "200", "trigger_slots": 1, "max_slippage": Decimal("0.2")}


@pytest.mark.parametrize(
    ("request_", "conditions"),
    [
        (make_request(), {}),
        (make_waiting_request(), {**GOOD, "price_in": "token_out", "limit_price": "219", "allow_partial": False}),
        (
            LATER,
            {
                "time_in_force": "gtd",
                "expires_at": "2026-11-22T18:14:01.124Z",
                "price_in": "token_out",
                "limit_price": "219",
                "allow_partial": True,
            },
        ),
        (BY_AMOUNT, {**GOOD, "min_amount_out": "2767.125", "allow_partial": False}),
        (BOUGHT, {**GOOD, "price_in": "token_in", "limit_price": "0.004545", "allow_partial": False}),
        (
            BRACKET,
            {
                **GOOD,
                "price_in": "token_out",
                "limit_price": "219",
                "allow_partial": False,
                "then": {"price_in": "token_out", "take_profit": PROFIT, "stop_loss": STOP},
            },
        ),
        (
            make_waiting_request("stop_loss", triggers=(STOP_LIMIT,)),
            {**GOOD, "price_in": "token_out", "limit_price": "205", "trigger_price": "210", "trigger_slots": 3},
        ),
        (make_waiting_request("trailing_stop"), {**GOOD, "trail_bps": 100, "trigger_slots": 1}),
        (
            make_waiting_request("trailing_stop", triggers=(TRAILING,)),
            {
                **GOOD,
                "price_in": "token_out",
                "trail_bps": 150,
                "activation_price": "230",
                "trigger_slots": 1,
            },
        ),
        (make_waiting_request("oco"), {**GOOD, "price_in": "token_out", "take_profit": PROFIT, "stop_loss": STOP}),
        (make_waiting_request("twap"), {**GOOD, "slices": 4, "interval": 60}),
        (
            make_waiting_request("twap", limit=Limit(Price(Decimal(215)))),
            {**GOOD, "price_in": "token_out", "limit_price": "215", "slices": 4, "interval": 60},
        ),
    ],
)
def test_an_order_shows_what_it_waits_for_as_it_was_given(request_: OrderRequest, conditions: dict[str, Any]) -> None:
    shown = document(summary_of(Order.accept(nth_id(1), request_, NOW_MS)))

    assert {name: shown[name] for name in shown if name not in KEYS} == conditions


@pytest.mark.parametrize(
    ("order", "least"),
    [
        (make_waiting_order(Status.PENDING), 12_500_000_000 * 219 // 1000),
        (make_waiting_order(Status.OPEN), 12_500_000_000 * 219 // 1000),
        (make_waiting_order(Status.SUBMITTED), 12_500_000_000 * 219 // 1000),
        (make_waiting_order(Status.PARTIALLY_FILLED), 6_250_000_000 * 219 // 1000),
        (make_waiting_order(Status.CONFIRMED), 12_500_000_000 * 219 // 1000),
        (make_waiting_order(Status.CANCELLED), 12_500_000_000 * 219 // 1000),
        (make_waiting_order(Status.OPEN, "stop_loss"), None),
        (make_waiting_order(Status.TRIGGERED, "stop_loss"), None),
        (make_order(Status.PENDING), None),
    ],
    ids=lambda each: name_of(each) if isinstance(each, Order) else None,
)
def test_the_least_that_an_order_may_yield_is_that_of_its_limit(order: Order, least: int | None) -> None:
    assert details_of(order, []).minimum_out == least


@pytest.mark.parametrize("status", [Status.BUILDING, Status.SUBMITTED, Status.CONFIRMED])
@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "trailing_stop"])
def test_the_least_that_an_order_may_yield_is_what_its_transaction_says(status: Status, order_type: OrderType) -> None:
    order = make_waiting_order(status, order_type)

    assert details_of(order, []).minimum_out == order.built_transaction.minimum_out


def test_an_order_that_rests_again_after_it_had_a_route_shows_no_least_of_that(routed: Order) -> None:
    rests = routed.fire_again("slippage", NOW_MS)

    assert rests.route is not None
    assert details_of(rests, []).minimum_out is None


@pytest.fixture
def routed() -> Order:
    return make_waiting_order(Status.SUBMITTED, "stop_loss")


def test_the_orders_that_an_order_has_made_are_its_children_each_once() -> None:
    order = make_waiting_order(Status.OPEN, "twap")
    first = with_slice(order)
    settled = first.go_on(Progress(first_slot=0, begun=1, ended=1), NOW_MS)
    second = with_slice(settled)

    shown = details_of(second, [event_of(step) for step in (order, first, settled, second)])

    assert shown.children == [nth_id(1), nth_id(2)]


def test_a_row_of_a_type_that_only_newer_code_knows_is_shown_as_far_as_it_can_be_read() -> None:
    row = structs.replace(row_of(make_waiting_order()), order_type="iceberg", terms='{"visible":1}')

    shown = document(summary_of(order_of(row)))

    assert (shown["order_type"], shown["amount"], shown["status"]) == ("iceberg", "12.5", "open")


def test_a_list_shows_an_order_without_its_history() -> None:
    order = make_order(Status.FAILED)

    shown = document(summary_of(order_of(row_of(order))))

    assert list(shown) == KEYS
    assert (shown["status"], shown["reason"]) == ("failed", "Price moved 5.01% (max allowed: 5.00%)")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("12.50", "12.5"), ("100", "100"), ("0.000000001", "0.000000001"), ("18446744073.709551615",) * 2],
)
def test_an_amount_is_shown_in_full_without_an_exponent(amount: str, shown: str) -> None:
    order = make_order(Status.PENDING, make_request(amount=amount))

    assert document(details_of(order, []))["amount"] == shown
    assert document(summary_of(order_of(row_of(order))))["amount"] == shown
