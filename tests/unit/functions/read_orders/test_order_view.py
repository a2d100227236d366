"""Orders as clients see them, whether Redis or the ledger holds them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from functions.read_orders.order_view import details_of, details_of_row, summary_of_row
from orderflow.adapters.codec import encoder
from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Order, StatusEvent, event_of
from orderflow.domain.status import Status
from orderflow.runtime.http.responses import json_response
from tests.support.builders import NOW_MS, ORDER_ID, make_order, make_request

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
]


def document(view: object) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(bytes(json_response(view).body), parse_float=Decimal)
    return shown


def row_of(order: Order) -> OrderRow:
    """Return an order as Postgres returns it."""
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    return OrderRow(
        order_id=order.order_id,
        sequence=order.sequence,
        status=order.status,
        order_type="market",
        token_in=order.request.token_in,
        token_out=order.request.token_out,
        amount_in=Decimal(order.request.amount_in),
        slippage_bps=order.request.slippage_bps,
        route=encoder.encode(order.route).decode() if order.route else None,
        amount_out=None if order.amount_out is None else Decimal(order.amount_out),
        execution_price=order.execution_price,
        tx_hash=order.tx_hash,
        reason=order.reason,
        created_at=at,
        updated_at=at,
        client_order_id=order.client_order_id,
    )


def history_to(order: Order) -> list[StatusEvent]:
    return [event_of(make_order(status)) for status in COURSE[: order.sequence - 1]] + [event_of(order)]


def fills_of(order: Order) -> list[Fill]:
    return [
        Fill(
            leg.venue,
            leg.pool,
            leg.token_in,
            leg.token_out,
            leg.amount_in,
            leg.amount_out,
            leg.fee,
            leg.fee_token,
        )
        for leg in order.fills
    ]


def test_a_confirmed_order_is_shown_with_its_route_fills_and_history() -> None:
    order = structs.replace(make_order(Status.CONFIRMED), client_order_id="desk-7.42")

    shown = document(details_of(order, history_to(order)))

    assert list(shown) == [*KEYS, "route", "minimum_out", "fills", "history"]
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
    }
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


@pytest.mark.parametrize("status", [*COURSE, Status.FAILED])
@pytest.mark.parametrize("client_order_id", [None, "desk-7.42"])
def test_the_ledger_and_redis_show_an_order_alike(status: Status, client_order_id: str | None) -> None:
    order = structs.replace(make_order(status), client_order_id=client_order_id)

    from_redis = document(details_of(order, history_to(order)))
    from_ledger = document(details_of_row(row_of(order), fills_of(order), history_to(order)))

    assert from_redis == from_ledger


def test_a_list_shows_an_order_without_its_history() -> None:
    order = make_order(Status.FAILED)

    shown = document(summary_of_row(row_of(order)))

    assert list(shown) == KEYS
    assert (shown["status"], shown["reason"]) == ("failed", "Price moved 5.01% (max allowed: 5.00%)")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("12.50", "12.5"), ("100", "100"), ("0.000000001", "0.000000001"), ("18446744073.709551615",) * 2],
)
def test_an_amount_is_shown_in_full_without_an_exponent(amount: str, shown: str) -> None:
    order = make_order(Status.PENDING, make_request(amount=amount))

    assert document(details_of(order, []))["amount"] == shown
    assert document(summary_of_row(row_of(order)))["amount"] == shown
