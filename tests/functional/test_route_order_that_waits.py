"""route_order for orders that wait: what was fired is routed, or tried again where its limit is no longer met."""

from decimal import Decimal
from typing import Any

import pytest

from functions.route_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.lifecycle import first_stream
from orderflow.domain.order import Fired, Order, OrderType
from orderflow.domain.status import Status
from tests.support.builders import (
    NOW_MS,
    amm_v4,
    make_waiting_order,
    make_waiting_request,
    market_state,
    order_records,
)
from tests.support.fakes.outside import Outside


def fired(order_type: OrderType = "limit", amount_in: int | None = None, **changes: Any) -> Order:
    """Return an order of 12.5 SOL that was fired in slot 4, or so many atoms of it."""
    order = make_waiting_order(Status.OPEN, request=make_waiting_request(order_type, **changes))
    rule = order.request.triggers[0].rule if order.request.triggers else "limit"
    return order.fire(Fired(4, rule, Decimal(220), amount_in or order.request.amount_in), NOW_MS)


def at(price: str) -> Limit:
    return Limit(Price(Decimal(price)))


def routed(outside: Outside, order: Order) -> Transition:
    assert lambda_handler(order_records("route", order), None) == {"batchItemFailures": []}
    [step] = outside.orders.transitions
    return step


@pytest.mark.parametrize("order_type", ["limit", "stop_loss"])
def test_what_was_fired_is_routed(outside: Outside, order_type: OrderType) -> None:
    step = routed(outside, fired(order_type, 6_250_000_000))

    assert (step.order.status, step.next_stream) == (Status.ROUTING, first_stream(Status.ROUTING))
    assert step.order.chosen_route.amount_in == 6_250_000_000


def test_a_limit_that_is_no_longer_met_rests_again_and_says_what_it_would_yield(outside: Outside) -> None:
    outside.chain.latest = market_state(slot=7)

    step = routed(outside, fired(limit=at("221")))

    assert (step.order.status, step.next_stream, step.order.attempts) == (Status.OPEN, "open", 1)
    assert step.order.reason is not None
    assert step.order.reason.startswith("attempt 1: would yield 2746.")
    assert step.order.reason.endswith(" USDC, limit 2762.5; next attempt from slot 8")


def test_a_part_is_compared_with_the_least_for_its_own_amount(outside: Outside) -> None:
    step = routed(outside, fired(amount_in=6_250_000_000, limit=Limit(min_amount_out=2_750_000_000)))

    assert step.order.status is Status.OPEN
    assert step.order.reason is not None
    assert "would yield 1373.466668 USDC, limit 1375;" in step.order.reason


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
def test_one_that_is_not_to_rest_is_cancelled(outside: Outside, time_in_force: str) -> None:
    step = routed(outside, fired(limit=at("221"), time_in_force=time_in_force))

    assert (step.order.status, step.next_stream) == (Status.CANCELLED, None)
    assert step.order.reason is not None
    assert step.order.reason.startswith("would yield ")


def test_a_stop_takes_what_there_is(outside: Outside) -> None:
    assert routed(outside, fired("stop_loss")).order.status is Status.ROUTING


def test_a_stop_with_a_limit_of_its_own_does_not(outside: Outside) -> None:
    trigger = Trigger("stop_loss", 2_000, price=Price(Decimal(225)), limit=at("224"))

    step = routed(outside, fired("stop_loss", triggers=(trigger,)))

    assert step.order.status is Status.OPEN


@pytest.mark.parametrize(("order_type", "after"), [("limit", Status.OPEN), ("stop_loss", Status.TRIGGERED)])
def test_one_without_a_route_is_tried_again(outside: Outside, order_type: OrderType, after: Status) -> None:
    pool = amm_v4()
    outside.chain.latest = market_state(pools={pool.pool: pool})

    step = routed(outside, fired(order_type, token_in="JUP", token_out="WIF"))

    assert (step.order.status, step.order.attempts) == (after, 1)
    assert step.order.reason is not None
    assert step.order.reason.startswith("attempt 1: ")
