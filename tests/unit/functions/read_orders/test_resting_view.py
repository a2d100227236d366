"""Why an order that rests is not executed yet, and how far the market is from it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.read_orders.resting_view import Yield, next_request, resting_of
from orderflow.adapters.books import Resting as Noted
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.order import MARKET, Fired, Order, OrderRequest, OrderType
from orderflow.domain.resting import Marks
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.errors import NoRouteError, PoolClosedError, PoolNotOpenError
from orderflow.runtime.http.order_view import Resting
from tests.support.builders import NOW_MS, make_waiting_order, make_waiting_request, with_slice

MINIMUM = 12_500_000_000 * 219 // 1000


def tick(reference: float = 220.0, slot: int = 50) -> Tick:
    return Tick(slot, {"SOL>USDC": PairPrices(reference - 0.5, reference)})


def view(
    order: Order,
    reference: float = 220.0,
    would_yield: Yield = 2_750_000_000,
    ending: Status | None = None,
    **marks: Any,
) -> Resting:
    return resting_of(Noted(order, Marks(**marks), ending), tick(reference), would_yield)


def rests(order_type: OrderType = "limit", **changes: Any) -> Order:
    return make_waiting_order(request=make_waiting_request(order_type, **changes))


def triggered_by(*triggers: Trigger, order_type: OrderType = "stop_loss") -> Order:
    return rests(order_type, triggers=triggers)


def test_a_limit_says_what_it_would_yield_and_how_much_is_missing() -> None:
    shown = view(rests(), would_yield=2_700_000_000)

    assert shown == Resting(
        slot=50,
        why="would yield 2700 USDC, limit 2737.5",
        minimum_out=MINIMUM,
        would_yield=2_700_000_000,
        distance_bps=Decimal("136.99"),
        reference_price=Decimal(220),
        trigger_price=None,
        watermark=None,
        attempts=0,
        last_attempt=None,
        next_attempt_slot=None,
    )


def test_a_limit_that_is_met_says_so() -> None:
    shown = view(rests(), would_yield=MINIMUM)

    assert shown.why == "would yield 2737.5 USDC, limit 2737.5: it is about to be executed"
    assert shown.distance_bps == 0


@pytest.mark.parametrize(
    ("would_yield", "why"),
    [(None, "no quote could be made right now"), (NoRouteError("no pool takes it"), "no pool takes it")],
)
def test_a_limit_without_a_quote_says_why_there_is_none(would_yield: Yield, why: str) -> None:
    shown = view(rests(), would_yield=would_yield)

    assert (shown.why, shown.would_yield, shown.distance_bps) == (why, None, None)
    assert shown.minimum_out == MINIMUM


def test_what_remains_of_an_order_is_compared_with_what_its_limit_asks_for_that() -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED)

    assert next_request(order) == OrderRequest("SOL", "USDC", 6_250_000_000, MARKET, 500)
    assert view(order).minimum_out == 6_250_000_000 * 219 // 1000


def test_an_order_that_was_refused_says_why_and_when_it_is_tried_again() -> None:
    order = make_waiting_order(Status.SUBMITTED).reopen("attempt 1: would yield less", 54, NOW_MS)

    shown = view(order)

    assert (shown.why, shown.next_attempt_slot) == ("next attempt from slot 54", 54)
    assert (shown.attempts, shown.last_attempt) == (1, "attempt 1: would yield less")


def test_an_order_that_has_waited_long_enough_after_a_refusal_says_what_it_would_yield() -> None:
    order = make_waiting_order(Status.SUBMITTED).reopen("attempt 1: would yield less", 50, NOW_MS)

    shown = view(order, would_yield=2_700_000_000)

    assert (shown.why, shown.next_attempt_slot) == ("would yield 2700 USDC, limit 2737.5", None)


@pytest.mark.parametrize(
    ("order_type", "reference", "why", "distance"),
    [
        ("stop_loss", 220.0, "reference 220 is above 200", "1000"),
        ("stop_loss", 199.0, "reference 199 is below 200: it is about to be triggered", "-50"),
        ("take_profit", 220.0, "reference 220 is below 250", "1200"),
        ("take_profit", 250.0, "reference 250 is at 250: it is about to be triggered", "0"),
        # The nearer of two.
        ("oco", 220.0, "reference 220 is above 200", "1000"),
        ("oco", 240.0, "reference 240 is below 250", "400"),
    ],
)
def test_a_trigger_says_where_the_reference_price_is(
    order_type: OrderType, reference: float, why: str, distance: str
) -> None:
    shown = view(rests(order_type), reference)

    assert (shown.why, shown.distance_bps) == (why, Decimal(distance))
    assert (shown.reference_price, shown.minimum_out) == (Decimal(reference), None)
    assert shown.trigger_price == (250 if "250" in why else 200)
    assert shown.would_yield == 2_750_000_000


def test_prices_are_shown_as_the_order_has_them() -> None:
    buys_at = Trigger("stop_loss", 2_000, price=Price(Decimal("0.005"), inverted=True))

    shown = view(triggered_by(buys_at))

    # 220 is 1/220, and falls to 200 as that rises to 1/200.
    assert shown.why == "reference 0.00454545454545 is below 0.005"
    assert (shown.reference_price, shown.trigger_price) == (Decimal("0.00454545454545"), Decimal("0.005"))
    assert shown.distance_bps == Decimal("909.10")


def test_a_trigger_whose_condition_holds_says_since_when() -> None:
    stop = Trigger("stop_loss", 2_000, price=Price(Decimal(210)), slots=3)

    shown = view(triggered_by(stop), 209.0, rule="stop_loss", since=49)

    assert shown.why == "reference 209 is below 210 since slot 49, of 3 slots in a row"


def test_a_trailing_stop_follows_its_watermark() -> None:
    shown = view(rests("trailing_stop"), 221.0, watermark=230.0)

    assert (shown.watermark, shown.trigger_price) == (Decimal(230), Decimal("227.7"))
    assert shown.why == "reference 221 is below 227.7: it is about to be triggered"


def test_a_trailing_stop_that_is_not_active_says_from_where_it_is() -> None:
    trailing = Trigger("trailing_stop", 2_000, trail_bps=100, activation_price=Price(Decimal(230)))

    shown = view(triggered_by(trailing, order_type="trailing_stop"))

    assert shown.why == "reference 220 is below the activation price 230"
    assert (shown.trigger_price, shown.watermark) == (None, None)
    assert shown.distance_bps == Decimal("434.79")


def test_a_stop_that_was_triggered_and_rests_at_its_limit_says_what_it_would_yield() -> None:
    stop = Trigger("stop_loss", 2_000, price=Price(Decimal(210)), limit=Limit(Price(Decimal(205))))
    order = triggered_by(stop)
    order = msgspec.structs.replace(order, fired=Fired(7, "stop_loss", Decimal(209), order.request.amount_in))

    shown = view(order, 190.0, would_yield=2_375_000_000)

    assert shown.why == "would yield 2375 USDC, limit 2562.5"
    assert (shown.minimum_out, shown.trigger_price) == (2_562_500_000, None)


def test_an_order_in_slices_says_when_the_next_is_due() -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED, "twap")

    shown = view(order)

    assert (shown.why, shown.next_attempt_slot) == ("slice 2 of 4 is due in slot 150", 150)
    assert next_request(order).amount_in == 3_125_000_000
    assert view(rests("twap")).why == "slice 1 of 4 is due"


def test_an_order_in_slices_says_which_is_under_way() -> None:
    assert view(with_slice(make_waiting_order(Status.OPEN, "twap"))).why == "slice 1 of 4 is under way"


def test_a_slice_is_compared_with_its_own_part_of_the_limit() -> None:
    shown = view(rests("twap", limit=Limit(Price(Decimal(219)))), would_yield=680_000_000)

    assert shown.minimum_out == 3_125_000_000 * 219 // 1000
    assert shown.distance_bps == Decimal("63.93")


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (Status.CANCELLED, "its cancel was requested, and it ends when the slice under way has"),
        (Status.EXPIRED, "it has expired, and it ends when the slice under way has"),
    ],
)
def test_an_order_whose_end_was_requested_says_so(ending: Status, why: str) -> None:
    assert view(with_slice(make_waiting_order(Status.OPEN, "twap")), ending=ending).why == why


def test_where_the_market_has_no_price_that_is_said() -> None:
    shown = resting_of(Noted(rests("stop_loss")), Tick(50, {}), None)

    assert shown.why == "the market has no reference price for it yet"
    assert (shown.reference_price, shown.distance_bps) == (None, None)


def test_a_stop_of_a_token_that_does_not_trade_says_that_its_pool_is_not_open() -> None:
    assert resting_of(Noted(rests("stop_loss")), Tick(50, {}), PoolNotOpenError()).why == "pool is not open"


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "twap"])
def test_an_order_whose_token_has_closed_says_so(order_type: OrderType) -> None:
    shown = resting_of(Noted(rests(order_type)), Tick(50, {}), PoolClosedError())

    assert shown.why == "pool closed: it is about to be cancelled"


def test_an_order_whose_token_has_closed_ends_after_its_slice() -> None:
    order = with_slice(make_waiting_order(Status.OPEN, "twap"))

    assert resting_of(Noted(order), Tick(50, {}), PoolClosedError()).why == (
        "pool closed, and it ends when the slice under way has"
    )
