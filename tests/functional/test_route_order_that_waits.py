"""route_order for orders that wait: what was fired is routed, or tried again where its limit is no longer met."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.route_order.handler import lambda_handler
from orderflow.adapters.books import Resting
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.lifecycle import first_stream
from orderflow.domain.order import Fired, Order, OrderType
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.runtime.firing import Firing
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES
from tests.support.builders import (
    NOW_MS,
    amm_v4,
    make_waiting_order,
    make_waiting_request,
    market_state,
    nth_id,
    opening_tick,
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


# --- A venue that does not answer in time ----------------------------------------------------------------------------


def late_slot(order: Order, venue: str) -> int:
    """Return the first slot in which a venue alone is late with its quote for what is executed of an order."""
    others = tuple(other for other in VENUES if other != venue)
    latency = Latency(seed=1, speed=1)
    return next(slot for slot in range(5, 10_000) if latency.quotes(slot, order.to_execute, VENUES).venues == others)


def over_both(time_in_force: str, attempts: int = 0) -> Order:
    """Return an order of 800 SOL that was fired, at a limit that Raydium's pools alone do not pay."""
    order = fired(amount_in=800 * 10**9, amount="800", limit=at("218.5"), time_in_force=time_in_force)
    return msgspec.structs.replace(order, attempts=attempts)


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
@pytest.mark.parametrize("attempts", [0, 8])
def test_what_is_not_to_rest_is_looked_at_again_in_the_next_slot_when_a_venue_was_late(
    outside: Outside, time_in_force: str, attempts: int
) -> None:
    order = over_both(time_in_force, attempts)
    slot = late_slot(order, METEORA)
    outside.chain.latest = market_state(slot)

    step = routed(outside, order)

    assert (step.order.status, step.next_stream, step.order.attempts) == (Status.OPEN, "open", attempts + 1)
    assert step.order.rests is not None
    assert step.order.rests.from_slot == slot + 1
    assert (step.order.reason or "").endswith(
        f" USDC, limit 174800 without meteora, which did not answer in time; next attempt from slot {slot + 1}"
    )


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
def test_it_is_cancelled_when_a_venue_was_late_ten_times(outside: Outside, time_in_force: str) -> None:
    order = over_both(time_in_force, attempts=9)
    outside.chain.latest = market_state(late_slot(order, METEORA))

    step = routed(outside, order)

    assert (step.order.status, step.next_stream) == (Status.CANCELLED, None)
    assert (step.order.reason or "").endswith(" USDC, limit 174800 without meteora, which did not answer in time")


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
def test_one_that_is_met_without_the_venue_that_is_late_goes_on(outside: Outside, time_in_force: str) -> None:
    order = over_both(time_in_force)
    outside.chain.latest = market_state(late_slot(order, RAYDIUM))

    assert routed(outside, order).order.status is Status.ROUTING


def test_a_limit_that_rests_anyway_waits_as_after_any_attempt(outside: Outside) -> None:
    order = over_both("gtc", attempts=3)
    slot = late_slot(order, METEORA)
    outside.chain.latest = market_state(slot)

    step = routed(outside, order)

    assert step.order.status is Status.OPEN
    assert step.order.rests is not None
    assert step.order.rests.from_slot == slot + 8
    assert "without meteora, which did not answer in time; " in (step.order.reason or "")


@pytest.mark.parametrize(("time_in_force", "attempts"), [("fok", 0), ("ioc", 0), ("ioc", 9)])
def test_one_that_only_the_late_venue_has_a_route_for_is_looked_at_again(
    outside: Outside, time_in_force: str, attempts: int
) -> None:
    order = over_both(time_in_force, attempts)
    slot = late_slot(order, METEORA)
    pools = {pool.pool: pool for pool in market_state().pools.values() if pool.venue == METEORA}
    outside.chain.latest = market_state(slot, pools)

    step = routed(outside, order)

    again = attempts < 9
    assert step.order.status is (Status.OPEN if again else Status.CANCELLED)
    assert (step.order.reason or "").removeprefix("attempt 1: ").startswith("no venue trades SOL against USDC without")


@pytest.mark.parametrize("amount", ["400", "40000"])
def test_immediate_or_cancel_fills_what_its_limit_allows_whichever_venue_is_late(outside: Outside, amount: str) -> None:
    outside.latency = Latency(seed=1, speed=1, failure_rate=0.2)
    request = make_waiting_request("limit", amount, limit=at("218.5"), time_in_force="ioc")
    again = 0
    for number, start in enumerate(range(0, 400, 20)):
        order = make_waiting_order(Status.OPEN, request=request, order_id=nth_id(number))
        for slot in range(start, start + 10):
            outside.chain.latest = market_state(slot)
            order = route_of(outside, look_at(outside, order, slot))
            if order.status is not Status.OPEN:
                break
            again += 1

        assert order.status is Status.ROUTING, order.reason
    assert again


def look_at(outside: Outside, order: Order, slot: int) -> Order:
    """Return an order that rests after it has fired in a slot."""
    firing = Firing(outside.venue, Tick(slot, opening_tick().prices), NOW_MS)
    firing.look_at([Resting(order)])
    [step] = firing.transitions
    outside.orders.apply([step])
    assert step.order.status is Status.TRIGGERED
    return step.order


def route_of(outside: Outside, order: Order) -> Order:
    """Return an order that was fired after it has come to the stage."""
    assert lambda_handler(order_records("route", order), None) == {"batchItemFailures": []}
    return outside.orders.transitions[-1].order
