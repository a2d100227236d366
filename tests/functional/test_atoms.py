"""No client reads an integer that a double can't hold: atoms on every path and socket, at their largest."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from functions.watch_order.handler import lambda_handler as watch_order
from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Order, event_of
from orderflow.domain.routing import Leg, Route
from orderflow.domain.status import Status
from tests.support.builders import NOW_MS, ORDER_ID, encode, make_order, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import get

pytestmark = pytest.mark.usefixtures("_event_loop")

MOST = 2**64 - 1
LARGEST_SAFE = 2**53


def largest(status: Status) -> Order:
    """Return an order all of whose amounts are as large as they can be."""
    order = make_order(status)

    def leg_of(leg: Leg) -> Leg:
        return structs.replace(leg, amount_in=MOST, amount_out=MOST, fee=MOST)

    def route_of(route: Route) -> Route:
        quotes = tuple(structs.replace(quote, amount_out=MOST) for quote in route.quotes)
        amounts = {"amount_in": MOST, "expected_out": MOST, "network_fee": MOST}
        return structs.replace(route, legs=tuple(map(leg_of, route.legs)), quotes=quotes, **amounts)

    return structs.replace(
        order,
        request=structs.replace(order.request, amount_in=MOST),
        route=order.route and route_of(order.route),
        transaction=order.transaction and structs.replace(order.transaction, minimum_out=MOST),
        fills=tuple(map(leg_of, order.fills)),
        amount_out=order.amount_out and MOST,
    )


def row_of(order: Order) -> OrderRow:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    most = Decimal(MOST)
    route = encode(order.route) if order.route else None
    return OrderRow(
        ORDER_ID, len(COURSE), order.status, "market", "SOL", "USDC", most, 500, route, most, None, None, None, at, at
    )


def numbers(document: Any) -> Iterator[int]:
    """Yield every integer of a document, however deep."""
    if isinstance(document, dict):
        for value in document.values():
            yield from numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from numbers(value)
    elif isinstance(document, int) and not isinstance(document, bool):
        yield document


def assert_safe(text: str) -> None:
    assert str(MOST) in text
    assert max(numbers(json.loads(text)), default=0) <= LARGEST_SAFE


@pytest.mark.parametrize("status", COURSE[1:])
def test_an_order_that_redis_holds_has_no_unsafe_integer(outside: Outside, status: Status) -> None:
    outside.orders.known[ORDER_ID] = (largest(status), [event_of(largest(each)) for each in COURSE])

    assert_safe(get(f"/api/orders/{ORDER_ID}").text)


def test_an_order_of_the_ledger_has_no_unsafe_integer(outside: Outside) -> None:
    order = largest(Status.CONFIRMED)
    outside.ledger.rows[ORDER_ID] = row_of(order)
    outside.ledger.histories[ORDER_ID] = [event_of(largest(each)) for each in COURSE]
    outside.ledger.filled[ORDER_ID] = [Fill("a", "b", "SOL", "USDC", MOST, MOST, MOST, "SOL")]

    answer = get(f"/api/orders/{ORDER_ID}")

    assert_safe(answer.text)
    assert answer.document["fills"][0]["amount_in"] == str(MOST)
    assert answer.document["route"]["legs"][0]["amount_out"] == str(MOST)
    assert answer.document["history"][2]["minimum_out"] == str(MOST)


def test_a_list_and_a_quote_have_no_unsafe_integer(outside: Outside) -> None:
    outside.ledger.rows[ORDER_ID] = row_of(largest(Status.CONFIRMED))
    most_bonk = f"{MOST // 10**5}.{MOST % 10**5:05}"

    listed = get("/api/orders").text
    quoted = get("/api/quote", token_in="BONK", token_out="SOL", amount="99999999999.99999").text
    refused = get("/api/quote", token_in="BONK", token_out="SOL", amount=most_bonk).text

    assert max(numbers(json.loads(listed))) <= LARGEST_SAFE
    assert max(numbers(json.loads(quoted))) <= LARGEST_SAFE
    assert '"amount_in":"9999999999999999"' in quoted
    assert max(numbers(json.loads(refused))) <= LARGEST_SAFE


def test_a_history_that_is_sent_from_the_ledger_has_no_unsafe_integer(outside: Outside) -> None:
    outside.ledger.histories[ORDER_ID] = [event_of(largest(status)) for status in COURSE]
    event = read_event("watch_order.default")
    event["body"] = ORDER_ID

    watch_order(event, None)

    assert len(outside.sockets.sent) == len(COURSE)
    assert_safe(f"[{','.join(message.text for message in outside.sockets.sent)}]")
