"""trigger_orders: the ticks of the market fire what rests, in their order."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis

from functions.trigger_orders.handler import lambda_handler
from orderflow.adapters.books import Candidates, Resting
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import Fired, Order, OrderRequest, OrderType
from orderflow.domain.resting import Marks
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.errors import RetryableError
from tests.support.builders import (
    NOW_MS,
    encode,
    make_waiting_order,
    make_waiting_request,
    market_state,
    message_ids,
    nth_id,
    opening_tick,
    read_event,
    records,
    tick_records,
    with_slice,
)
from tests.support.fakes.outside import Outside
from tests.support.launches import LaunchVenue, make_launch

CLOSED = make_launch(close_slot=100)


def tick(reference: float, slot: int = 1) -> Tick:
    """Return the opening market's tick with another price of SOL."""
    prices = {
        "SOL>USDC": PairPrices(reference * 0.999, reference),
        "USDC>SOL": PairPrices(0.999 / reference, 1 / reference),
    }
    return Tick(slot, opening_tick().prices | prices)


def rests(outside: Outside, order_type: OrderType = "stop_loss", number: int = 1, **changes: Any) -> Order:
    """Have an order rest, with an id of its own."""
    request = make_waiting_request(order_type, **changes)
    order = make_waiting_order(Status.OPEN, request=request, order_id=nth_id(number))
    outside.books.resting[order.order_id] = Resting(order)
    return order


def at(price: str) -> Limit:
    return Limit(Price(Decimal(price)))


def trigger(outside: Outside, *ticks: Tick) -> list[Order]:
    """Have the function read ticks; return the orders that took a step, after it."""
    assert lambda_handler(tick_records(*ticks), None) == {"batchItemFailures": []}
    return [step.order for step in outside.orders.transitions]


def test_a_tick_that_reaches_nothing_changes_nothing(outside: Outside) -> None:
    rests(outside)

    assert lambda_handler(read_event("trigger_orders"), None) == {"batchItemFailures": []}

    assert outside.orders.transitions == []
    assert outside.books.rebooked == []


@pytest.mark.parametrize(
    ("order_type", "reference", "rule"),
    [
        ("stop_loss", 199.5, "stop_loss"),
        ("take_profit", 250.5, "take_profit"),
        ("oco", 199.5, "stop_loss"),
        ("oco", 250.5, "take_profit"),
    ],
)
def test_a_price_that_meets_a_rule_fires_the_whole_order(
    outside: Outside, order_type: OrderType, reference: float, rule: str
) -> None:
    order = rests(outside, order_type)

    [fired] = trigger(outside, tick(reference, slot=7))

    assert fired == order.fire(Fired(7, rule, Decimal(str(reference)), 12_500_000_000), NOW_MS)  # type: ignore[arg-type]
    assert outside.orders.transitions[0].next_stream == "route"


def test_a_price_that_was_touched_fires_though_the_next_one_is_another(outside: Outside) -> None:
    rests(outside)

    [fired] = trigger(outside, tick(220, 1), tick(199, 2), tick(220, 3))

    assert fired.fired is not None
    assert (fired.fired.slot, fired.fired.price) == (2, Decimal(199))


def test_a_tick_of_before_an_order_came_to_rest_does_not_fire_it(outside: Outside) -> None:
    request = make_waiting_request("stop_loss")
    order = make_waiting_order(Status.PENDING, request=request).open(5, NOW_MS)
    outside.books.resting[order.order_id] = Resting(order)

    assert trigger(outside, tick(199, 4)) == []
    assert len(trigger(outside, tick(199, 5))) == 1


def test_limits_are_compared_with_the_market_as_it_is_so_only_at_the_last_tick(outside: Outside) -> None:
    rests(outside, "limit")
    first, last = tick(220, 1), tick(221, 2)

    [fired] = trigger(outside, first, last)

    assert fired.fired is not None
    assert (fired.fired.slot, fired.fired.price) == (2, Decimal("219.75466696"))
    assert outside.books.asked == [(first, False), (last, True)]


def test_stops_go_on_being_found_until_none_is_left_at_a_price(outside: Outside) -> None:
    for number in range(1, 4):
        rests(outside, number=number)
    outside.books.most = 2
    only = tick(199)

    fired = trigger(outside, only)

    assert [order.order_id for order in fired] == [nth_id(1), nth_id(2), nth_id(3)]
    # As many are read at a time as a script may; what is left is found by the next look, limits by the next tick.
    assert outside.books.asked == [(only, True), (only, False)]


def test_those_that_stay_do_not_hide_the_others_behind_them(outside: Outside) -> None:
    for number in range(1, 4):
        order = make_waiting_order(Status.PENDING, "stop_loss", order_id=nth_id(number)).open(8, NOW_MS)
        outside.books.resting[order.order_id] = Resting(order)
    rests(outside, number=4)
    outside.books.most = 2

    assert [order.order_id for order in trigger(outside, tick(199, 7))] == [nth_id(4)]


def test_a_tick_that_comes_again_after_later_ones_changes_nothing(outside: Outside) -> None:
    order = rests(outside, "trailing_stop")
    outside.books.resting[order.order_id] = Resting(order, Marks(watermark=230.0, slot=9))

    assert trigger(outside, tick(220, 8)) == []
    assert outside.books.rebooked == []
    assert len(trigger(outside, tick(220, 9))) == 1


def test_a_stop_that_rests_at_its_limit_keeps_that_when_it_is_met(outside: Outside) -> None:
    stop = Trigger("stop_loss", 2_000, price=Price(Decimal(210)), limit=at("219"))
    request = make_waiting_request("stop_loss", triggers=(stop,))
    fired = make_waiting_order(Status.SUBMITTED, request=request)
    order = fired.reopen("x", 3, NOW_MS)
    outside.books.resting[order.order_id] = Resting(order)

    [again] = trigger(outside, tick(220, 3))

    assert again.fired is not None
    assert (again.fired.rule, again.limit) == ("stop_loss", at("219"))


def test_an_order_that_counts_slots_fires_in_the_last_of_them(outside: Outside) -> None:
    stop = Trigger("stop_loss", 2_000, price=Price(Decimal(210)), slots=3)
    order = rests(outside, triggers=(stop,))

    for slot, reference in enumerate((209, 211, 209, 209), start=1):
        assert trigger(outside, tick(reference, slot)) == []
        if outside.books.rebooked:
            outside.books.resting[order.order_id] = Resting(order, outside.books.rebooked[-1].marks)
    [fired] = trigger(outside, tick(209, 5))

    assert fired.fired is not None
    assert fired.fired.slot == 5


def test_a_trailing_stop_follows_from_tick_to_tick(outside: Outside) -> None:
    order = rests(outside, "trailing_stop")
    marks = []

    for slot, reference in enumerate((220, 221.5, 223, 222, 220.8), start=1):
        assert trigger(outside, tick(reference, slot)) == []
        marks.append(outside.books.rebooked[-1].marks)
        outside.books.resting[order.order_id] = Resting(order, marks[-1])
    [fired] = trigger(outside, tick(219.9, 6))

    assert [each.watermark for each in marks] == [220, 221.5, 223, 223, 223]
    assert fired.fired is not None
    assert fired.fired.rule == "trailing_stop"


def test_nothing_is_noted_of_an_order_for_which_nothing_has_changed(outside: Outside) -> None:
    order = rests(outside, "trailing_stop")
    outside.books.resting[order.order_id] = Resting(order, Marks(watermark=220.0))

    trigger(outside, tick(220.1))

    assert outside.books.rebooked == []


def test_an_order_whose_time_is_over_expires_though_its_price_has_come(outside: Outside) -> None:
    rests(outside, expires_at_ms=NOW_MS)

    [expired] = trigger(outside, tick(199))

    assert expired.status is Status.EXPIRED


def test_a_slice_begins_when_it_is_due(outside: Outside) -> None:
    rests(outside, "twap", amount="10", schedule=Schedule(4, 4_000))

    [begun] = trigger(outside, tick(220, 41))

    [step] = outside.orders.transitions
    assert step.child is not None
    assert begun.child_id == step.child.order_id
    assert step.child.request == OrderRequest("SOL", "USDC", 2_500_000_000, "market", 500)


def test_a_slice_with_a_limit_comes_to_rest_as_any_limit_order_does(outside: Outside) -> None:
    rests(outside, "twap", limit=at("219"))

    trigger(outside, tick(220))

    [step] = outside.orders.transitions
    assert step.child is not None
    assert (step.child.request.waits, step.child.request.time_in_force) == (True, "fok")


def test_an_order_that_is_at_fault_does_not_keep_the_others_from_firing(outside: Outside) -> None:
    faulty = rests(outside, number=1)
    outside.books.resting[faulty.order_id] = Resting(msgspec.structs.replace(faulty, status=Status.CONFIRMED))
    rests(outside, number=2)

    assert [order.order_id for order in trigger(outside, tick(199))] == [nth_id(2)]


def test_a_step_that_another_has_taken_is_not_taken_again(outside: Outside) -> None:
    order = rests(outside)
    outside.orders.sequences[order.order_id] = order.sequence + 1
    outside.books.candidates = lambda *_, **__: Candidates([Resting(order)], 1)  # type: ignore[method-assign]

    assert trigger(outside, tick(199)) == []


def test_a_poisoned_record_is_reported_alone(outside: Outside) -> None:
    rests(outside)
    event = records("ticks", [{"tick": "{"}, {"tick": encode(tick(199))}, {}], partition="chain")

    response = lambda_handler(event, None)

    failed = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
    assert failed == message_ids(event, 0, 2)
    assert len(outside.orders.transitions) == 1


def test_a_batch_without_records_looks_at_nothing(outside: Outside) -> None:
    assert lambda_handler({"Records": []}, None) == {"batchItemFailures": []}
    assert outside.books.asked == []


def test_a_tick_waits_while_the_books_can_not_be_read(outside: Outside) -> None:
    outside.books.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError):
        lambda_handler(tick_records(tick(199)), None)


def test_a_limit_that_is_left_for_the_next_tick_stays_where_it_is_found(outside: Outside) -> None:
    outside.chain.latest = market_state(slot=3)
    for number in range(1, 11):
        rests(outside, "limit", number, limit=at("219.6"), amount="20")

    fired = trigger(outside, tick(220, 3))

    assert 0 < len(fired) < 10
    assert outside.books.rebooked == []


def on_the_token(outside: Outside, order_type: OrderType = "limit", number: int = 1, **changes: Any) -> Order:
    """Have an order rest that sells a launched token, which has closed."""
    outside.venue = LaunchVenue(CLOSED, slot=120)
    token = CLOSED.token
    return rests(outside, order_type, number, token_in=token.symbol, tokens=(token,), **changes)


@pytest.mark.parametrize("ticks", [[Tick(100, {}, closed=(CLOSED,))], [Tick(120, {})], [Tick(99, {}), Tick(120, {})]])
@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "take_profit", "trailing_stop", "oco", "twap"])
def test_orders_on_a_token_that_has_closed_are_cancelled_and_say_why(
    outside: Outside, order_type: OrderType, ticks: list[Tick]
) -> None:
    on_the_token(outside, order_type)

    [order] = trigger(outside, *ticks)

    assert (order.status, order.reason, order.child_id) == (Status.CANCELLED, "pool closed", None)
    assert outside.books.rebooked == []


def test_one_that_has_expired_by_the_close_expires_and_one_with_a_slice_under_way_goes_on(outside: Outside) -> None:
    on_the_token(outside, expires_at_ms=NOW_MS, time_in_force="gtd")
    slices = with_slice(on_the_token(outside, "twap", 2))
    outside.books.resting[slices.order_id] = Resting(slices)

    [order] = trigger(outside, Tick(120, {}, closed=(CLOSED,)))

    assert (order.order_id, order.status) == (nth_id(1), Status.EXPIRED)


def test_tokens_that_have_closed_are_looked_for_once_a_tick(outside: Outside) -> None:
    outside.books.most = 2
    for number in range(1, 5):
        on_the_token(outside, "stop_loss", number)

    trigger(outside, Tick(120, {}), Tick(121, {}))

    assert outside.books.closings == [True, False, False, True]


def test_while_it_is_not_known_what_has_closed_the_tick_waits(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_token(outside)

    def fail(_names: object) -> set[str]:
        raise RetryableError("Redis can't be reached")

    monkeypatch.setattr(outside.venue, "closed", fail)
    with pytest.raises(RetryableError):
        lambda_handler(tick_records(Tick(120, {})), None)
    assert outside.orders.transitions == []
