"""An order in slices: which slice is due when, over how much, and how the whole ends."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.conditions import Limit, Price, Schedule
from orderflow.domain.order import MARKET, Order, OrderRequest, Progress
from orderflow.domain.slicing import (
    begun,
    caught_up,
    latest_at,
    next_slot,
    put_off,
    settled,
    slice_amount,
    slice_request,
    slot_at,
)
from orderflow.domain.status import Status
from orderflow.domain.ticks import SLOT_MS
from tests.support.builders import NOW_MS, make_order, make_waiting_order, make_waiting_request, with_slice

RECEIVED = 7
"""Atoms that each slice receives here."""


def in_slices(amount_in: int = 1_000, slices: int = 4, interval_ms: int = 60_000, **changes: Any) -> Order:
    """Return an order in slices that rests, before its first slice."""
    schedule = Schedule(slices, interval_ms)
    return make_waiting_order(
        Status.OPEN, request=make_waiting_request("twap", amount_in=amount_in, schedule=schedule, **changes)
    )


def a_slice(order: Order, end: Status) -> Order:
    """Return the next slice of an order as it has ended."""
    ended = make_order(end)
    amount_out = RECEIVED if end is Status.CONFIRMED else None
    return msgspec.structs.replace(ended, request=slice_request(order), amount_out=amount_out)


def after(order: Order, ends: Sequence[Status]) -> tuple[list[int], Order]:
    """Return the amounts of an order's slices, which end so, and the order after them."""
    amounts = []
    for end in ends:
        ended = a_slice(order, end)
        amounts.append(ended.request.amount_in)
        order = settled(with_slice(order), ended, NOW_MS)
    return amounts, order


DONE, REFUSED = Status.CONFIRMED, Status.FAILED


def test_the_rest_of_an_amount_that_can_not_be_divided_goes_to_the_last_slices() -> None:
    amounts, order = after(in_slices(100_000_001, 3), [DONE] * 3)

    assert amounts == [33_333_333, 33_333_334, 33_333_334]
    assert (order.status, order.amount_filled, order.amount_out) == (Status.CONFIRMED, 100_000_001, 3 * RECEIVED)


def test_what_a_refused_slice_leaves_goes_to_those_after_it() -> None:
    amounts, order = after(in_slices(1_000_000_003, 4), [DONE, REFUSED, DONE, DONE])

    assert amounts == [250_000_000, 250_000_001, 375_000_001, 375_000_002]
    assert (order.status, order.amount_filled) == (Status.CONFIRMED, 1_000_000_003)


@given(st.integers(100, 2**64 - 1), st.integers(1, 100), st.data())
def test_whichever_slices_are_refused_the_last_one_takes_all_that_is_left(
    amount_in: int, slices: int, data: st.DataObject
) -> None:
    ends = data.draw(st.lists(st.sampled_from([DONE, REFUSED]), min_size=slices - 1, max_size=slices - 1))

    amounts, order = after(in_slices(amount_in, slices), [*ends, DONE])

    assert order.status is Status.CONFIRMED
    assert sum(amount for amount, end in zip(amounts, [*ends, DONE], strict=True) if end is DONE) == amount_in
    assert amounts == sorted(amounts)


def test_an_order_rests_with_what_is_left_until_its_last_slice_has_ended() -> None:
    _, order = after(in_slices(1_000, 4), [DONE, REFUSED])

    assert (order.status, order.amount_filled, order.amount_remaining) == (Status.PARTIALLY_FILLED, 250, 750)
    assert order.progress == Progress(first_slot=0, begun=2, ended=2, filled=1)


def test_an_order_whose_slices_were_all_refused_so_far_stays_open() -> None:
    _, order = after(in_slices(1_000, 4), [REFUSED])

    assert (order.status, order.amount_filled) == (Status.OPEN, 0)


@pytest.mark.parametrize("end", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_an_order_whose_last_slice_is_refused_fails_and_says_how_many_were_filled(end: Status) -> None:
    under_way = with_slice(after(in_slices(1_000, 10), [DONE] * 9)[1])
    ended = make_waiting_order(end, request=slice_request(under_way))

    order = settled(under_way, ended, NOW_MS)

    assert (order.status, order.reason) == (Status.FAILED, "filled 9 of 10 slices")
    assert (order.amount_filled, order.amount_out) == (900, 9 * RECEIVED)


def test_fills_stay_with_the_slices() -> None:
    _, order = after(in_slices(), [DONE])

    assert order.fills == ()
    assert order.execution_price is not None


def test_the_first_slice_is_due_at_once_and_each_later_one_an_interval_after() -> None:
    order = in_slices(slices=3, interval_ms=1_000)
    dues = [next_slot(order)]
    for slot in (100, 103, 105):
        order = settled(with_slice(order, slot=slot), a_slice(order, REFUSED), NOW_MS)
        if order.has_ended:
            break
        dues.append(next_slot(order))

    # 1,000 ms are two and a half slots: the second slice comes three slots after the first, the third five.
    assert dues == [0, 103, 105]


@given(st.integers(1, 10**7), st.integers(0, 10**9), st.integers(0, 1_000))
def test_the_grid_has_no_drift(interval_ms: int, first_slot: int, at: int) -> None:
    slot = slot_at(Schedule(2, interval_ms), first_slot, at)

    assert (slot - 1 - first_slot) * SLOT_MS < at * interval_ms <= (slot - first_slot) * SLOT_MS


@given(st.integers(1, 10**7), st.integers(0, 10**9), st.integers(0, 10**6))
def test_the_latest_time_of_the_grid_is_one_that_has_come_and_the_next_one_has_not(
    interval_ms: int, first_slot: int, passed: int
) -> None:
    schedule, slot = Schedule(2, interval_ms), first_slot + passed

    at = latest_at(schedule, first_slot, slot)

    assert slot_at(schedule, first_slot, at) <= slot < slot_at(schedule, first_slot, at + 1)


def test_a_slice_under_way_puts_the_next_one_off_to_the_following_time() -> None:
    order = with_slice(in_slices(interval_ms=4_000), slot=50)
    assert next_slot(order) == 60

    order = order.go_on(put_off(order), NOW_MS)
    assert next_slot(order) is None, "it is put off once, however long the slice takes"

    order = settled(order, a_slice(order, DONE), NOW_MS)
    assert next_slot(order) == 0
    order = order.go_on(caught_up(order, 83), NOW_MS)

    assert next_slot(order) == 90
    assert order.progress == Progress(first_slot=50, at=3, begun=1, ended=1, filled=1)


def test_times_that_were_missed_make_no_burst() -> None:
    order = in_slices(interval_ms=4_000)
    order = settled(with_slice(order, slot=50), a_slice(order, DONE), NOW_MS)

    late = begun(order, 97)

    assert late == Progress(first_slot=50, at=4, begun=2, ended=1, filled=1)
    assert next_slot(order.go_on(late, NOW_MS)) == 100


def test_behind_the_last_slice_none_is_due() -> None:
    order = with_slice(after(in_slices(slices=4), [REFUSED] * 3)[1])

    assert next_slot(order) is None


def test_a_slice_is_a_market_order_as_its_order_says() -> None:
    order = in_slices(1_000, 4, expires_at_ms=NOW_MS + 1, slippage_bps=700)

    request = slice_request(order)

    assert request == OrderRequest("SOL", "USDC", 250, MARKET, 700, expires_at_ms=NOW_MS + 1)
    assert not request.waits


def test_a_slice_of_an_order_with_a_limit_is_all_or_nothing_at_the_price_for_its_own_amount() -> None:
    limit = Limit(Price(Decimal(230), inverted=True))
    order = in_slices(1_000, 4, limit=limit)

    request = slice_request(order)

    assert (request.order_type, request.limit, request.time_in_force) == ("limit", limit, "fok")
    assert slice_amount(order) == request.amount_in == 250


def test_an_order_without_slices_has_none_to_begin() -> None:
    with pytest.raises(ValueError, match="has no slices$"):
        next_slot(make_waiting_order(Status.OPEN, "limit"))


def test_a_slice_that_never_began_is_not_added() -> None:
    with pytest.raises(ValueError, match="^no slice of order .* has begun$"):
        settled(in_slices(), make_order(Status.CONFIRMED), NOW_MS)
