"""Where an order rests, and what takes it on from there."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.conditions import Limit, Price, Rule, Trigger
from orderflow.domain.order import Order, OrderType
from orderflow.domain.resting import (
    BEFORE_ANY_SLOT,
    LOOK_AGAIN_SLOTS,
    Marks,
    Place,
    above,
    below,
    holds,
    immediate,
    judge,
    limit_price,
    place_of,
    stop_price,
)
from orderflow.domain.status import Status
from orderflow.domain.tokens import Token
from tests.support.builders import NOW_MS, make_waiting_order, make_waiting_request, with_slice

references = st.floats(1e-9, 1e9)


def price(value: str, *, inverted: bool = False) -> Price:
    return Price(Decimal(value), inverted)


def take_profit(at: str, **changes: Any) -> Trigger:
    return Trigger("take_profit", 500, price=price(at), **changes)


def stop_loss(at: str, **changes: Any) -> Trigger:
    return Trigger("stop_loss", 2_000, price=price(at), **changes)


def trailing(bps: int, **changes: Any) -> Trigger:
    return Trigger("trailing_stop", 2_000, trail_bps=bps, **changes)


def with_triggers(*triggers: Trigger) -> Order:
    """Return an order that rests until one of some triggers is met."""
    order_type = "oco" if len(triggers) > 1 else triggers[0].rule
    return make_waiting_order(Status.OPEN, request=make_waiting_request(order_type, triggers=triggers))


def with_limit(limit: Limit, token_in: str = "SOL", token_out: str = "USDC", **changes: Any) -> Order:
    request = make_waiting_request("limit", limit=limit, token_in=token_in, token_out=token_out, **changes)
    return make_waiting_order(Status.OPEN, request=request)


def fired_at(order: Order, prices: Iterable[float | None]) -> tuple[int | None, Rule | None]:
    """Return at which of some prices, slot by slot, an order fires, counted from 1, and by which rule."""
    marks = Marks()
    for slot, reference in enumerate(prices, start=1):
        if reference is not None:
            rule, marks = judge(order, marks, slot, reference)
            if rule:
                return slot, rule
    return None, None


@pytest.mark.parametrize(
    ("trigger", "reference", "met"),
    [
        (take_profit("250"), 249.999, False),
        (take_profit("250"), 250.0, True),
        (take_profit("250"), 300.0, True),
        (stop_loss("200"), 200.001, False),
        (stop_loss("200"), 200.0, True),
        (stop_loss("200"), 100.0, True),
    ],
)
def test_a_take_profit_is_reached_from_below_and_a_stop_loss_from_above(
    trigger: Trigger, reference: float, met: bool
) -> None:
    assert holds(trigger, None, reference) is met
    assert fired_at(with_triggers(trigger), [reference]) == ((1, trigger.rule) if met else (None, None))


def test_a_price_that_no_float_is_equal_to_is_compared_exactly() -> None:
    # The float next to 0.1 lies above it.
    assert not holds(stop_loss("0.1"), None, 0.1)
    assert holds(take_profit("0.1"), None, 0.1)


def test_a_price_written_in_what_is_sold_is_met_the_other_way_round() -> None:
    # Who sells USDC for SOL takes a profit when SOL has become cheap.
    trigger = Trigger("take_profit", 500, price=price("200", inverted=True))

    assert not holds(trigger, None, 1 / 201)
    assert holds(trigger, None, 1 / 199)


@pytest.mark.parametrize(
    ("prices", "fires"),
    [([220, 251, 190], (2, "take_profit")), ([220, 199, 260], (2, "stop_loss")), ([220, 240, 210], (None, None))],
)
def test_of_two_rules_the_first_that_is_met_fires(prices: list[float], fires: tuple[int | None, Rule | None]) -> None:
    assert fired_at(with_triggers(take_profit("250"), stop_loss("200")), prices) == fires


def test_a_trailing_stop_fires_below_the_highest_price_that_it_has_seen() -> None:
    assert fired_at(with_triggers(trailing(100)), [220, 221.5, 223, 222, 220.8, 219.9]) == (6, "trailing_stop")


def test_its_watermark_moves_on_a_grid_so_that_a_rally_of_one_per_cent_moves_it_ten_times_at_most() -> None:
    order, marks = with_triggers(trailing(100)), Marks()
    seen = set()

    for step in range(1_001):
        _, marks = judge(order, marks, step, 220 * (1 + step / 100_000))
        seen.add(marks.watermark)

    assert 9 <= len(seen) <= 11


def test_a_trailing_stop_with_an_activation_price_follows_only_from_there_on() -> None:
    order = with_triggers(trailing(100, activation_price=price("225")))

    assert fired_at(order, [224, 200, 190]) == (None, None)
    assert fired_at(order, [224, 200, 226, 224, 223]) == (5, "trailing_stop")


def test_a_trailing_stop_that_was_amended_goes_on_from_what_it_has_seen() -> None:
    order = with_triggers(trailing(100)).amend(make_waiting_request("trailing_stop", "10"), 230.0, NOW_MS)

    assert judge(order, Marks(), 1, 228.0).rule is None
    assert judge(order, Marks(), 1, 227.0).rule == "trailing_stop"


@pytest.mark.parametrize(
    ("prices", "fires"),
    [
        ([209, 211, 209, 209, 209], 5),
        ([209, 209, 209], 3),
        ([209, 209, 211, 209, 209], None),
        # A block may come after several slots: none between them had another price.
        ([209, None, 209], 3),
    ],
)
def test_a_condition_has_to_hold_for_its_slots_in_a_row(prices: list[float | None], fires: int | None) -> None:
    assert fired_at(with_triggers(stop_loss("210", slots=3)), prices)[0] == fires


def test_when_another_rule_holds_its_slots_are_counted_anew() -> None:
    order = with_triggers(take_profit("250", slots=2), stop_loss("200", slots=2))

    assert fired_at(order, [199, 251, 199, 251]) == (None, None)
    assert fired_at(order, [199, 251, 252]) == (3, "take_profit")


def test_a_stop_that_would_fire_at_once_is_named_with_both_prices() -> None:
    assert immediate(with_triggers(stop_loss("221")), 219.66) == "reference 219.66 is at or below 221"
    assert immediate(with_triggers(take_profit("218.50")), 219.66) == "reference 219.66 is at or above 218.5"
    assert immediate(with_triggers(take_profit("250"), stop_loss("200")), 219.66) is None


def test_it_is_named_in_the_prices_in_which_it_was_written() -> None:
    trigger = Trigger("stop_loss", 2_000, price=price("200", inverted=True))

    # 1/250 SOL for a USDC: SOL is at 250.
    assert immediate(with_triggers(trigger), 0.004) == "reference 250 is at or above 200"


def test_a_trailing_stop_never_fires_at_once() -> None:
    assert immediate(with_triggers(trailing(100)), 1e-9) is None


@given(st.fractions(Fraction(1, 10**12), Fraction(10**12)))
def test_a_float_is_on_the_side_on_which_it_is_wanted_and_next_to_its_number(exact: Fraction) -> None:
    low, high = below(exact), above(exact)

    assert Fraction(low) <= exact <= Fraction(high)
    assert high - low <= 2.3e-16 * high


def test_an_order_with_a_limit_rests_at_its_price_in_units() -> None:
    assert place_of(with_limit(Limit(price("221.37"))), Marks(), BEFORE_ANY_SLOT) == Place(
        {"limit:SOL>USDC": below(Fraction("221.37"))}
    )
    bought = with_limit(Limit(price("200", inverted=True)), "USDC", "SOL")
    assert place_of(bought, Marks(), BEFORE_ANY_SLOT) == Place({"limit:USDC>SOL": below(Fraction(1, 200))})
    assert limit_price(bought) == Fraction(1, 200)


@given(st.decimals("0.000001", "1000000", places=6), st.integers(1, 10**15))
def test_no_price_at_which_an_order_could_be_executed_is_below_the_one_that_finds_it(
    at: Decimal, amount_in: int
) -> None:
    order = with_limit(Limit(Price(at)), amount_in=amount_in)

    [score] = place_of(order, Marks(), 0).books.values()

    assert Fraction(score) <= Fraction(at) == limit_price(order)


def test_an_order_that_is_too_large_for_the_depth_rests_where_it_would_fit_and_is_looked_at_in_any_case() -> None:
    place = place_of(with_limit(Limit(price("219"))), Marks(fits_at=219.5), 1_000)

    assert place == Place({"limit:SOL>USDC": 219.5}, look_slot=1_000 + LOOK_AGAIN_SLOTS)


def test_an_order_never_rests_below_its_limit() -> None:
    place = place_of(with_limit(Limit(price("219"))), Marks(fits_at=218.0), 1_000)

    assert place.books == {"limit:SOL>USDC": 219.0}


def test_after_a_refusal_an_order_is_in_no_book_until_it_may_be_tried_again() -> None:
    order = make_waiting_order(Status.SUBMITTED).reopen("x", 105, NOW_MS)

    assert place_of(order, Marks(), BEFORE_ANY_SLOT) == Place(look_slot=105)
    assert place_of(order, Marks(), 104) == Place(look_slot=105)
    for slot in (105, 106):
        assert place_of(order, Marks(), slot).books == {"limit:SOL>USDC": 219.0}


def test_triggers_rest_in_books_of_the_side_from_which_they_are_reached() -> None:
    place = place_of(with_triggers(take_profit("250.1"), stop_loss("200.1")), Marks(), 5)

    assert place == Place({"rise:SOL>USDC": below(Fraction("250.1")), "fall:SOL>USDC": above(Fraction("200.1"))})


def test_a_trailing_stop_rests_at_its_stop_and_at_the_next_step_of_its_watermark() -> None:
    place = place_of(with_triggers(trailing(100)), Marks(watermark=200.0), 5)

    assert place.books == {"fall:SOL>USDC": 198.0, "rise:SOL>USDC": pytest.approx(200.2)}
    assert place.look_slot is None


def test_a_trailing_stop_is_looked_at_in_the_next_slot_as_it_has_seen_no_price_yet() -> None:
    assert place_of(with_triggers(trailing(100)), Marks(), BEFORE_ANY_SLOT) == Place(look_slot=0)


def test_a_trailing_stop_that_is_not_active_rests_at_its_activation_price() -> None:
    order = with_triggers(trailing(100, activation_price=price("225")))

    assert place_of(order, Marks(), BEFORE_ANY_SLOT) == Place({"rise:SOL>USDC": 225.0})


@given(references, st.integers(50, 9_000), references)
def test_whatever_changes_a_trailing_stop_is_found_by_its_books(watermark: float, bps: int, reference: float) -> None:
    order, marks = with_triggers(trailing(bps)), Marks(watermark=watermark)

    judged = judge(order, marks, 1, reference)

    books = place_of(order, marks, 0).books
    found = reference <= books["fall:SOL>USDC"] or reference >= books["rise:SOL>USDC"]
    assert found or judged == (None, marks)


def test_an_order_that_counts_slots_is_looked_at_in_each_of_them() -> None:
    order = with_triggers(stop_loss("210", slots=3))
    _, marks = judge(order, Marks(), 7, 209)

    assert place_of(order, marks, 7) == Place(look_slot=8)
    _, marks = judge(order, marks, 8, 211)
    assert place_of(order, marks, 8).books == {"fall:SOL>USDC": 210.0}


def test_an_order_in_slices_is_looked_at_when_its_next_slice_is_due() -> None:
    order = make_waiting_order(Status.OPEN, "twap")

    assert place_of(order, Marks(), BEFORE_ANY_SLOT) == Place(look_slot=0)
    assert place_of(with_slice(order, slot=10), Marks(), 10) == Place(look_slot=160)


def test_an_order_that_expires_rests_by_its_time_too_wherever_else_it_is() -> None:
    for order_type in ("limit", "oco", "twap"):
        request = make_waiting_request(order_type, expires_at_ms=NOW_MS)

        assert place_of(make_waiting_order(Status.OPEN, request=request), Marks(), 0).expires_at_ms == NOW_MS


def test_a_place_is_written_for_redis_with_every_digit() -> None:
    place = Place({"rise:SOL>USDC": 0.1 + 0.2, "fall:SOL>USDC": 200.0}, None, NOW_MS)

    assert place.text == f"inf {NOW_MS} rise:SOL>USDC=0.30000000000000004 fall:SOL>USDC=200.0"
    assert Place(look_slot=7).text == "7 -"


def test_the_price_that_meets_a_trigger_is_shown_of_each_rule() -> None:
    assert stop_price(take_profit("250"), Marks()) == 250
    assert stop_price(trailing(100), Marks(watermark=200.0)) == 198
    assert stop_price(trailing(100), Marks()) is None


def test_an_order_without_a_limit_has_no_limit_price() -> None:
    with pytest.raises(ValueError, match="has no limit$"):
        limit_price(with_triggers(stop_loss("200")))


def test_what_is_noted_of_an_order_is_short() -> None:
    assert msgspec.json.encode(Marks()) == b"{}"
    assert msgspec.json.decode(b'{"watermark":223}', type=Marks) == Marks(watermark=223.0)


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "oco", "trailing_stop", "twap"])
def test_an_order_on_a_launched_token_is_also_found_by_its_close(order_type: OrderType) -> None:
    order = make_waiting_order(Status.OPEN, order_type)
    launched = msgspec.structs.replace(order.request, tokens=(Token("MOON0", "a mint", 9),))
    on_token = msgspec.structs.replace(order, request=launched)
    assert on_token.rests is not None
    waits = msgspec.structs.replace(on_token, rests=msgspec.structs.replace(on_token.rests, from_slot=99))

    for each, same in ((on_token, order), (waits, msgspec.structs.replace(order, rests=waits.rests))):
        found, other = place_of(each, Marks(), 7), place_of(same, Marks(), 7)
        assert found.books == {**other.books, "closing:MOON0": 0.0}
        assert (found.look_slot, found.expires_at_ms) == (other.look_slot, other.expires_at_ms)
