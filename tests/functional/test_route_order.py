"""route_order: every venue is asked, the best route chosen."""

import pytest

from functions.route_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.order import OrderRequest
from orderflow.domain.routing import best_route
from orderflow.domain.status import Status
from orderflow.market.universe import VENUES, pools_of_pair
from tests.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_request,
    market,
    message_ids,
    nth_id,
    order_records,
    read_event,
)
from tests.fakes import Outside


def test_orders_go_on_to_be_built_with_their_routes_after_the_slowest_venues_quote(outside: Outside) -> None:
    outside.now_ms = NOW_MS + 9

    response = lambda_handler(read_event("route_order"), None)

    back = make_request("USDC", "SOL", "250.75", slippage_bps=100)
    routed = [make_order(Status.ROUTING), make_order(Status.ROUTING, back, order_id=OTHER_ID)]
    assert response == {"batchItemFailures": []}
    assert outside.orders.transitions == [
        Transition(
            make_order(request=order.request, order_id=order.order_id).choose_route(order.chosen_route, NOW_MS + 9),
            "build",
            outside.latency.quote_ms(order.order_id, VENUES),
        )
        for order in routed
    ]


def test_both_venues_are_compared(outside: Outside) -> None:
    lambda_handler(read_event("route_order"), None)

    for step in outside.orders.transitions:
        quotes = {quote.venue: quote.amount_out for quote in step.order.chosen_route.quotes}
        assert set(quotes) == set(VENUES)
        assert step.order.chosen_route.expected_out == max(quotes.values())
        assert quotes[step.order.chosen_route.venue] == max(quotes.values())


def test_the_pools_are_read_once_for_a_batch_and_as_they_are_now(outside: Outside) -> None:
    outside.venue.states["meteora:SOL-USDC"] = market()["meteora:SOL-USDC"].swap("SOL", 10**12)[1]
    event = order_records("route", *(make_order(order_id=nth_id(number)) for number in range(50)))

    lambda_handler(event, None)

    listed = [outside.venue.states[address] for address in pools_of_pair("SOL", "USDC")]
    assert outside.venue.reads == 1
    assert {step.order.chosen_route.expected_out for step in outside.orders.transitions} == {
        best_route(listed, "SOL", "USDC", 12_500_000_000).expected_out
    }
    assert {step.order.chosen_route.venue for step in outside.orders.transitions} == {"raydium"}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (make_request(amount="0.000000001"), "1 atoms are too few: raydium would pay out nothing"),
        (make_request("JUP", "WIF"), "no venue trades JUP against WIF"),
    ],
)
def test_an_order_that_no_pool_can_take_fails_with_the_reason(
    outside: Outside, request_: OrderRequest, reason: str
) -> None:
    event = order_records("route", make_order(request=request_), make_order(order_id=OTHER_ID))

    response = lambda_handler(event, None)

    failed, routed = outside.orders.transitions
    assert response == {"batchItemFailures": []}
    assert failed == Transition(make_order(request=request_).fail(reason, NOW_MS))
    assert (routed.order.order_id, routed.order.status) == (OTHER_ID, Status.ROUTING)


def test_a_pool_that_can_not_be_read_is_the_fault_of_its_orders_alone(outside: Outside) -> None:
    del outside.venue.states["raydium:JUP-USDC"]
    event = order_records("route", make_order(request=make_request("JUP", "USDC")), make_order(order_id=OTHER_ID))

    response = lambda_handler(event, None)

    assert response["batchItemFailures"] == [
        {"itemIdentifier": message_ids(event)[0], "error": "KeyError: 'raydium:JUP-USDC'"}
    ]
    assert [step.order.order_id for step in outside.orders.transitions] == [OTHER_ID]


def test_at_speed_zero_nothing_waits(outside: Outside) -> None:
    outside.latency = type(outside.latency)(seed=1, speed=0)

    lambda_handler(read_event("route_order"), None)

    assert [(step.order.order_id, step.delay_ms) for step in outside.orders.transitions] == [
        (ORDER_ID, 0),
        (OTHER_ID, 0),
    ]
