"""route_order: every venue is asked, the best route chosen over all pools of those that answer in time."""

import msgspec
import pytest

from functions.route_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.pools.swap import swap
from orderflow.domain.status import Status
from orderflow.venues.mock.latency import QUOTE_DEADLINE_MS, Latency
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_request,
    market,
    market_state,
    nth_id,
    order_records,
    read_event,
    route_for,
)
from tests.support.fakes.outside import Outside

LATENCY = Latency(seed=1, speed=1)


def pending(amounts: range) -> list[Order]:
    return [make_order(request=make_request(amount=str(amount)), order_id=nth_id(amount)) for amount in amounts]


def test_orders_go_on_to_be_built_with_their_routes_after_the_slowest_venues_quote(outside: Outside) -> None:
    outside.now_ms = NOW_MS + 9

    response = lambda_handler(read_event("route_order"), None)

    back = make_request("USDC", "SOL", "250.75", slippage_bps=100)
    orders = [make_order(), make_order(request=back, order_id=OTHER_ID)]
    assert response == {"batchItemFailures": []}
    assert outside.orders.transitions == [
        Transition(
            order.choose_route(route_for(order.request), NOW_MS + 9),
            round(LATENCY.quotes(0, order.request, VENUES).wait_ms),
        )
        for order in orders
    ]


def test_all_venues_are_compared_and_the_route_pays_no_less_than_any(outside: Outside) -> None:
    lambda_handler(order_records("route", *pending(range(1, 3000, 250))), None)

    answered = [step.order.chosen_route for step in outside.orders.transitions]
    assert len(answered) == 12
    for route in answered:
        assert route.expected_out >= max(quote.amount_out for quote in route.quotes)
    assert sum({quote.venue for quote in route.quotes} == set(VENUES) for route in answered) > 9


def test_a_large_order_is_split_over_several_venues(outside: Outside) -> None:
    order = next(
        order for order in pending(range(2000, 2100)) if LATENCY.quotes(0, order.request, VENUES).venues == VENUES
    )

    lambda_handler(order_records("route", order), None)

    route = outside.orders.transitions[0].order.chosen_route
    venues = {leg.venue for leg in route.legs}
    assert venues >= {METEORA, RAYDIUM}
    assert route.venue == "+".join(sorted(venues))
    assert route.improvement_bps > 0


def test_a_venue_that_misses_the_deadline_is_left_out_and_waited_for_until_then(outside: Outside) -> None:
    orders = pending(range(1, 300))

    lambda_handler(order_records("route", *orders), None)

    waited = [step for step in outside.orders.transitions if len(step.order.chosen_route.quotes) < len(VENUES)]
    assert 0 < len(waited) < 30
    for step in waited:
        route = step.order.chosen_route
        assert {leg.venue for leg in route.legs} <= {quote.venue for quote in route.quotes}
        assert route.expected_out >= max(quote.amount_out for quote in route.quotes)
        assert step.delay_ms == QUOTE_DEADLINE_MS


def test_where_every_quote_fails_one_venue_is_waited_for_whatever_it_takes(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=1, failure_rate=1)

    lambda_handler(order_records("route", *pending(range(1, 20))), None)

    assert [len(step.order.chosen_route.quotes) for step in outside.orders.transitions] == [1] * 19
    assert all(step.delay_ms > 0 for step in outside.orders.transitions)


def test_the_market_is_read_once_for_a_batch_and_as_it_is_now(outside: Outside) -> None:
    sol_usdc = [pool for pool in market().values() if pool.pool.endswith(":SOL-USDC")]
    moved = market() | {pool.pool: swap(pool, "SOL", 4 * 10**11, 0)[1] for pool in sol_usdc}
    outside.chain.latest = market_state(77, moved)

    lambda_handler(order_records("route", *(make_order(order_id=nth_id(number)) for number in range(50))), None)

    assert outside.chain.reads == 1
    expected = route_for(make_request(), slot=77, pools=moved)
    assert [step.order.chosen_route for step in outside.orders.transitions] == [expected] * 50
    assert expected.slot == 77
    assert expected.expected_out != route_for(make_request()).expected_out


@pytest.mark.parametrize("request_", [make_request(amount="0.000000001"), make_request("BONK", "SOL", "0.00001")])
def test_an_order_that_no_pool_can_take_fails_with_the_reason(outside: Outside, request_: OrderRequest) -> None:
    event = order_records("route", make_order(request=request_), make_order(order_id=OTHER_ID))

    response = lambda_handler(event, None)

    failed, routed = outside.orders.transitions
    assert response == {"batchItemFailures": []}
    assert failed.order.status is Status.FAILED
    assert (failed.order.reason or "").startswith("1 atoms are too few: ")
    assert (failed.next_stream, failed.order.sequence) == (None, 2)
    assert (routed.order.order_id, routed.order.status) == (OTHER_ID, Status.ROUTING)


def test_a_pair_that_no_pool_trades_is_routed_by_hops(outside: Outside) -> None:
    lambda_handler(order_records("route", make_order(request=make_request("JUP", "WIF"))), None)

    (step,) = outside.orders.transitions
    legs = step.order.chosen_route.legs
    assert (legs[0].token_in, legs[-1].token_out) == ("JUP", "WIF")
    assert 2 <= len(legs) <= 3


def test_at_speed_zero_nothing_waits(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=0)

    lambda_handler(read_event("route_order"), None)

    assert [(step.order.order_id, step.delay_ms) for step in outside.orders.transitions] == [
        (ORDER_ID, 0),
        (OTHER_ID, 0),
    ]


def test_a_late_copy_of_a_message_takes_nothing_from_the_next_message_in_its_batch(outside: Outside) -> None:
    late, other = (make_order(Status.PENDING, make_request(amount=amount)) for amount in ("5", "250"))
    latest = msgspec.structs.replace(other, sequence=other.sequence + 4)

    lambda_handler(order_records("route", latest, late), None)

    [step] = outside.orders.transitions
    assert step.order.sequence == latest.sequence + 1
    assert step.order.chosen_route.amount_in == latest.request.amount_in
