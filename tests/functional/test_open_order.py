"""open_order: an order comes to rest, and is compared once with the market as it is."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from functions.open_order.handler import lambda_handler
from orderflow.adapters.books import Resting
from orderflow.domain.attempts import MOST_STEPS
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import Fired, Order, OrderRequest, OrderType
from orderflow.domain.resting import LOOK_AGAIN_SLOTS, Marks, Place
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.venue import Alike
from orderflow.errors import RejectedError, UnknownStatusError
from tests.support.builders import (
    NOW_MS,
    OTHER_ID,
    WAITING_TYPES,
    amm_v4,
    encode,
    make_waiting_order,
    make_waiting_request,
    market_state,
    nth_id,
    order_records,
    read_event,
    records,
    with_slice,
)
from tests.support.fakes.outside import Outside
from tests.support.launches import MINT, LaunchVenue, make_launch, make_sniper, make_sniper_request
from tests.support.memory_venue import MemoryVenue

SOL = 10**9


def at(price: str) -> Limit:
    return Limit(Price(Decimal(price)))


def limit(price: str, amount: str = "12.5", **changes: Any) -> OrderRequest:
    return make_waiting_request("limit", amount, limit=at(price), **changes)


def stop(price: str, **changes: Any) -> OrderRequest:
    trigger = Trigger("stop_loss", 2_000, price=Price(Decimal(price)))
    return make_waiting_request("stop_loss", triggers=(trigger,), **changes)


def new(request: OrderRequest, order_id: str = nth_id(1)) -> Order:
    return make_waiting_order(Status.PENDING, request=request, order_id=order_id)


def resting(request: OrderRequest, order_id: str = nth_id(1)) -> Order:
    return make_waiting_order(Status.OPEN, request=request, order_id=order_id)


def opened(outside: Outside, *orders: Order) -> list[Order]:
    """Have the function look at orders; return those that took a step, after it."""
    before = len(outside.orders.transitions)
    assert lambda_handler(order_records("open", *orders), None) == {"batchItemFailures": []}
    return [step.order for step in outside.orders.transitions[before:]]


def test_orders_of_every_type_come_to_rest_and_one_whose_limit_is_met_goes(outside: Outside) -> None:
    response = lambda_handler(read_event("open_order"), None)

    assert response == {"batchItemFailures": []}
    *rest, fired = outside.orders.transitions
    assert [step.order.request.order_type for step in rest] == list(WAITING_TYPES)
    assert {(step.order.status, step.next_stream) for step in rest} == {(Status.OPEN, "open")}
    assert (fired.order.order_id, fired.order.status, fired.next_stream) == (OTHER_ID, Status.TRIGGERED, "route")


def test_the_markets_clock_is_kept_running_for_what_rests(outside: Outside) -> None:
    opened(outside, new(limit("230")))

    assert outside.chain.clock.runs


def test_an_order_rests_from_the_slot_whose_prices_it_was_compared_with(outside: Outside) -> None:
    outside.chain.latest = market_state(slot=41)

    [order] = opened(outside, new(stop("200")))

    assert order.rests is not None
    assert order.rests.since_slot == 41


def test_a_stop_that_would_fire_at_once_fails_and_says_both_prices(outside: Outside) -> None:
    [order] = opened(outside, new(stop("221")))

    assert order.status is Status.FAILED
    assert order.reason == "would trigger immediately: reference 219.879825 is at or below 221"


def test_the_exits_of_a_bracket_come_to_rest_all_the_same(outside: Outside) -> None:
    exits = msgspec.structs.replace(new(stop("221")), parent_id=nth_id(9))

    [order] = opened(outside, exits)
    [fired] = opened(outside, order)

    assert (order.status, fired.status) == (Status.OPEN, Status.TRIGGERED)


def test_an_order_whose_time_is_over_expires_before_it_is_compared_with_anything(outside: Outside) -> None:
    steps = opened(
        outside, new(stop("221", expires_at_ms=NOW_MS)), resting(limit("200", expires_at_ms=NOW_MS), nth_id(2))
    )

    assert [order.status for order in steps] == [Status.EXPIRED, Status.EXPIRED]


def test_a_limit_that_is_met_goes_with_what_it_would_receive(outside: Outside) -> None:
    [order] = opened(outside, resting(limit("219")))

    assert order.fired == Fired(0, "limit", Decimal("219.75466696"), 12_500_000_000)
    assert outside.books.rebooked == []


def test_a_limit_that_the_market_does_not_pay_stays_where_it_is(outside: Outside) -> None:
    assert opened(outside, resting(limit("219.76"))) == []
    assert outside.books.rebooked == []


class Asked(MemoryVenue):
    """A venue that notes what it was asked for, at which SOL brings 219 USDC at best."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[OrderRequest] = []

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> list[int | RejectedError]:
        self.asked += requests
        return [minimum - 1 for minimum in minimums]

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        self.asked.append(request)
        return 0

    def prices(self) -> Tick:
        return Tick(0, {"SOL>USDC": PairPrices(219.0, 219.5)})


def test_a_limit_that_the_best_price_does_not_reach_needs_no_quote(outside: Outside) -> None:
    outside.venue = venue = Asked()

    assert opened(outside, resting(limit("219.0001", allow_partial=True))) == []
    assert venue.asked == []
    assert opened(outside, resting(limit("219"))) == []
    assert len(venue.asked) == 1


def test_one_that_would_have_fitted_is_found_by_its_limit_when_the_price_has_gone(outside: Outside) -> None:
    order = resting(limit("230"))
    outside.books.resting[order.order_id] = Resting(order, Marks(fits_at=231.0, look_slot=9))

    assert opened(outside, order) == []

    [rebooked] = outside.books.rebooked
    assert rebooked.place.books == {"limit:SOL>USDC": 230.0}
    assert (rebooked.place.look_slot, rebooked.marks.fits_at) == (None, None)


@pytest.mark.parametrize(
    ("reserve_a", "reserve_b", "price", "fires"),
    [
        (10**12, 220_000 * 10**6, "219", False),
        (994_811_908_619, 221_147_332_570, "219", True),
        (994_811_908_620, 221_147_332_569, "219", False),
    ],
)
def test_a_limit_is_compared_with_every_atom_of_what_its_own_amount_yields(
    outside: Outside, reserve_a: int, reserve_b: int, price: str, fires: bool
) -> None:
    pool = amm_v4(reserve_a, reserve_b)
    outside.chain.latest = market_state(pools={pool.pool: pool})

    steps = opened(outside, resting(limit(price)))

    assert [order.status for order in steps] == ([Status.TRIGGERED] if fires else [])


def test_one_that_is_too_large_for_the_depth_rests_where_it_would_fit(outside: Outside) -> None:
    pool = amm_v4(10**12, 220_000 * 10**6)
    outside.chain.latest = market_state(slot=7, pools={pool.pool: pool})

    assert opened(outside, resting(limit("219"))) == []

    # 2,737.5 USDC would be right, and it would yield 2,709.342880.
    [rebooked] = outside.books.rebooked
    [(book, price)] = rebooked.place.books.items()
    assert book == "limit:SOL>USDC"
    assert 219.45 * (1 + 0.9 * 0.0103) < price < 219.45 * 1.0104
    assert rebooked.place.look_slot == rebooked.marks.look_slot == 7 + LOOK_AGAIN_SLOTS
    assert rebooked.marks.fits_at == price


def test_of_many_equal_limits_only_as_many_go_as_the_market_pays(outside: Outside) -> None:
    orders = [resting(limit("219.6", "20"), nth_id(number)) for number in range(1, 21)]

    fired = opened(outside, *orders)

    assert 0 < len(fired) < len(orders)
    # The earliest first, and those that are left are the first the next time.
    assert fired == [order.fire(step.fired, NOW_MS) for order, step in zip(orders, fired, strict=False) if step.fired]
    assert outside.books.rebooked == []


def test_the_best_price_for_the_market_goes_first(outside: Outside) -> None:
    dear, cheap = resting(limit("219"), nth_id(1)), resting(limit("218"), nth_id(2))

    assert [order.order_id for order in opened(outside, dear, cheap)] == [nth_id(2), nth_id(1)]


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
def test_what_is_not_to_rest_is_cancelled_and_says_what_it_would_yield(outside: Outside, time_in_force: str) -> None:
    [order] = opened(outside, resting(limit("225", time_in_force=time_in_force)))

    assert (order.status, order.reason) == (Status.CANCELLED, "would yield 2746.933337 USDC, limit 2812.5")


def test_one_without_a_route_is_cancelled_with_that_reason(outside: Outside) -> None:
    outside.chain.latest = market_state(pools={pool.pool: pool for pool in [amm_v4()]})
    request = make_waiting_request("limit", token_in="JUP", token_out="WIF", time_in_force="fok")

    [order] = opened(outside, resting(request))

    assert order.status is Status.CANCELLED
    assert order.reason


def test_one_whose_pair_has_no_price_rests(outside: Outside) -> None:
    outside.venue = MemoryVenue()
    requests = [
        make_waiting_request("limit", token_in="JUP", token_out="WIF"),
        make_waiting_request("stop_loss", token_in="JUP", token_out="WIF"),
    ]

    assert opened(outside, *[resting(each, nth_id(number)) for number, each in enumerate(requests)]) == []


def test_immediate_or_cancel_takes_the_part_that_its_limit_allows(outside: Outside) -> None:
    [order] = opened(outside, resting(limit("219", "40000", time_in_force="ioc")))

    assert order.status is Status.TRIGGERED
    assert order.fired is not None
    assert SOL < order.fired.amount_in < 40_000 * SOL
    assert order.fired.price >= 219


def test_and_what_is_left_of_it_is_cancelled(outside: Outside) -> None:
    part = make_waiting_order(Status.PARTIALLY_FILLED, request=limit("219", time_in_force="ioc"))

    [order] = opened(outside, part)

    assert (order.status, order.reason) == (Status.CANCELLED, "immediate or cancel: the rest is cancelled")
    assert order.amount_filled == part.amount_filled > 0


class NearlyAll(MemoryVenue):
    """A venue at which all of an order but five atoms have their limit."""

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> list[int | RejectedError]:
        return [minimum - 1 for minimum in minimums]

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        return request.amount_in - 5

    def prices(self) -> Tick:
        return Tick(0, {"SOL>USDC": PairPrices(219.0, 219.0)})

    def reference_prices(self) -> dict[str, Decimal]:
        return {"SOL": Decimal(200)}


@pytest.mark.parametrize(("amount", "fired"), [("12.5", 12_495_000_000), ("0.01", 5_000_000), ("0.0099", None)])
def test_neither_a_part_nor_what_it_leaves_is_worth_less_than_an_order_has_to_be(
    outside: Outside, amount: str, fired: int | None
) -> None:
    outside.venue = NearlyAll()

    steps = opened(outside, resting(limit("219", amount, allow_partial=True)))

    # A dollar is 0.005 SOL.
    assert [order.fired and order.fired.amount_in for order in steps] == ([] if fired is None else [fired])


def test_of_one_that_is_not_to_rest_nothing_has_to_be_left(outside: Outside) -> None:
    outside.venue = NearlyAll()

    [order] = opened(outside, resting(limit("219", time_in_force="ioc")))

    assert order.fired is not None
    assert order.fired.amount_in == 12_500_000_000 - 5


@pytest.mark.parametrize(("steps", "fired"), [(MOST_STEPS - 1, 1), (MOST_STEPS, 0)])
def test_an_order_that_was_executed_in_very_many_parts_rests_until_the_rest_fits(
    outside: Outside, steps: int, fired: int
) -> None:
    outside.venue = NearlyAll()
    order = msgspec.structs.replace(resting(limit("219", allow_partial=True)), sequence=steps)

    assert len(opened(outside, order)) == fired


def test_an_order_that_may_not_be_executed_in_parts_rests_as_a_whole(outside: Outside) -> None:
    assert opened(outside, resting(limit("219", "40000"))) == []


def test_the_first_slice_of_an_order_in_slices_is_created_in_the_step_that_begins_it(outside: Outside) -> None:
    outside.chain.latest = market_state(slot=41)
    order = resting(make_waiting_request("twap", "10"))

    opened(outside, order)

    [step] = outside.orders.transitions
    assert step.child is not None
    assert (step.order.status, step.order.child_id) == (Status.OPEN, step.child.order_id)
    assert (step.order.progress and step.order.progress.first_slot, step.next_stream) == (41, "open")
    assert (step.child.parent_id, step.child.slice, step.child.status) == (order.order_id, 1, Status.PENDING)
    assert step.child.request == OrderRequest("SOL", "USDC", 2_500_000_000, "market", 500)


def test_a_slice_that_is_under_way_or_not_due_lets_no_other_begin(outside: Outside) -> None:
    request = make_waiting_request("twap", schedule=Schedule(4, 4_000))
    under_way = with_slice(resting(request), slot=0)

    outside.chain.latest = market_state(slot=9)
    assert opened(outside, under_way) == []
    outside.chain.latest = market_state(slot=10)
    [put_off] = opened(outside, under_way)

    assert (put_off.progress and put_off.progress.is_put_off, put_off.child_id) == (True, under_way.child_id)
    assert outside.orders.transitions[-1].child is None


def test_nothing_is_noted_of_prices_that_may_be_ahead_of_ticks_still_to_come(outside: Outside) -> None:
    counts = Trigger("take_profit", 500, price=Price(Decimal(219)), slots=2)
    trailing = resting(make_waiting_request("trailing_stop"))
    counting = resting(make_waiting_request("take_profit", triggers=(counts,)), OTHER_ID)
    outside.books.resting[counting.order_id] = Resting(counting, Marks(rule="take_profit", since=-1))

    assert opened(outside, trailing, counting) == []

    assert outside.books.rebooked == []


def test_what_was_noted_of_an_order_counts(outside: Outside) -> None:
    order = resting(make_waiting_request("trailing_stop"))
    outside.books.resting[order.order_id] = Resting(order, Marks(watermark=230.0))

    [fired] = opened(outside, order)

    assert fired.fired is not None
    assert (fired.fired.rule, fired.fired.price) == ("trailing_stop", Decimal("219.879825000"))


def test_after_a_refusal_nothing_is_done_before_the_slot_from_which_it_is_tried_again(outside: Outside) -> None:
    order = make_waiting_order(Status.SUBMITTED, order_id=nth_id(1)).reopen("x", 41, NOW_MS)

    outside.chain.latest = market_state(slot=40)
    assert opened(outside, order) == []
    outside.chain.latest = market_state(slot=41)
    [fired] = opened(outside, order)

    assert fired.status is Status.TRIGGERED


def test_then_it_rests_at_its_price_again_where_that_is_not_met(outside: Outside) -> None:
    sent = make_waiting_order(Status.SUBMITTED, request=limit("230"), order_id=nth_id(1))
    outside.chain.latest = market_state(slot=41)

    assert opened(outside, sent.reopen("x", 41, NOW_MS)) == []

    [rebooked] = outside.books.rebooked
    assert rebooked.place == Place({"limit:SOL>USDC": 230.0})


@pytest.mark.parametrize("end", [Status.CANCELLED, Status.EXPIRED])
def test_an_end_that_was_requested_comes_before_anything_else(outside: Outside, end: Status) -> None:
    order = resting(limit("200"))
    outside.books.resting[order.order_id] = Resting(order, ending=end)

    assert [step.status for step in opened(outside, order)] == [end]


def test_an_end_that_was_requested_waits_for_the_slice_under_way(outside: Outside) -> None:
    order = with_slice(resting(make_waiting_request("twap", expires_at_ms=NOW_MS)))
    outside.books.resting[order.order_id] = Resting(order, ending=Status.CANCELLED)

    assert opened(outside, order) == []


def test_an_order_that_has_gone_on_meanwhile_takes_no_step(outside: Outside) -> None:
    order = resting(limit("219"))
    outside.orders.sequences[order.order_id] = order.sequence + 1

    assert opened(outside, order, make_waiting_order(Status.TRIGGERED, order_id=nth_id(2))) == []


def test_a_second_message_changes_nothing(outside: Outside) -> None:
    first = opened(outside, new(limit("230")))

    assert len(first) == 1
    assert opened(outside, new(limit("230"))) == []


def test_an_order_of_newer_code_waits_for_it_and_the_others_do_not(outside: Outside) -> None:
    newer = encode(resting(limit("230"))).replace('"open"', '"of_newer_code"')
    other = new(limit("230"), nth_id(2))

    with pytest.raises(UnknownStatusError, match="^newer code gave orders the status of_newer_code; "):
        lambda_handler(records("open", [{"order": newer}, {"order": encode(other)}]), None)

    assert [step.order.order_id for step in outside.orders.transitions] == [other.order_id]


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "trailing_stop", "twap"])
def test_one_that_comes_to_rest_when_its_token_has_closed_is_cancelled_by_its_own_look(
    outside: Outside, order_type: OrderType
) -> None:
    closed = make_launch(close_slot=100)
    outside.venue = LaunchVenue(closed, slot=100)
    request = make_waiting_request(order_type, token_in=closed.token.symbol, tokens=(closed.token,))

    [step] = opened(outside, resting(request))

    assert (step.status, step.reason) == (Status.CANCELLED, "pool closed")


def test_one_that_waits_for_a_launch_which_has_closed_is_cancelled_and_one_to_come_rests(outside: Outside) -> None:
    outside.venue = LaunchVenue(make_launch(close_slot=100), slot=100)
    over, to_come = make_sniper(request=make_sniper_request(MINT)), make_sniper_request("another mint")

    [step] = opened(outside, over, make_sniper(request=to_come, order_id=OTHER_ID))

    assert (step.order_id, step.status, step.reason) == (over.order_id, Status.CANCELLED, "pool closed")
