"""settle_slice: a slice that has ended is added to the order that it is a part of, once."""

from collections.abc import Sequence

import msgspec
import pytest

from functions.settle_slice.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Schedule
from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    order_records,
    read_event,
    with_slice,
)
from tests.support.fakes.outside import Outside

RESTING = make_waiting_order(Status.OPEN, "twap")
"""An order in four slices before its first."""


def kept(outside: Outside, order: Order) -> Order:
    """Have an order be in Redis as it is."""
    outside.orders.known[order.order_id] = order, [event_of(order)]
    outside.orders.sequences[order.order_id] = order.sequence
    return order


def settle(outside: Outside, *slices: Order) -> list[Order]:
    """Have the function get slices that have ended; return the orders that took a step, after it."""
    assert lambda_handler(order_records("settle", *slices), None) == {"batchItemFailures": []}
    return [step.order for step in outside.orders.transitions]


def test_a_slice_that_was_executed_fills_a_part_of_its_order_which_rests_on(outside: Outside) -> None:
    under_way, slice_ = kept(outside, with_slice(RESTING)), make_slice(RESTING)

    [order] = settle(outside, slice_)

    assert order.status is Status.PARTIALLY_FILLED
    assert (order.amount_filled, order.amount_out) == (under_way.request.amount_in // 4, slice_.amount_out)
    assert outside.orders.transitions[0].next_stream == "open"


@pytest.mark.parametrize("end", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_one_that_was_not_leaves_its_amount_to_the_others(outside: Outside, end: Status) -> None:
    kept(outside, with_slice(RESTING))
    request = make_waiting_request("limit", amount="3.125", time_in_force="fok")
    slice_ = msgspec.structs.replace(
        make_waiting_order(end, request=request, order_id=OTHER_ID), parent_id=ORDER_ID, slice=1
    )

    [order] = settle(outside, slice_)

    assert (order.status, order.amount_filled) == (Status.OPEN, 0)
    assert order.progress is not None
    assert (order.progress.ended, order.progress.filled) == (1, 0)


def test_the_last_slice_confirms_its_order(outside: Outside) -> None:
    whole = make_waiting_order(Status.OPEN, request=make_waiting_request("twap", schedule=Schedule(1, 60_000)))
    kept(outside, with_slice(whole))

    [order] = settle(outside, make_slice(whole))

    assert (order.status, order.amount_remaining) == (Status.CONFIRMED, 0)
    assert outside.orders.transitions[0].next_stream is None


def test_when_the_last_one_was_not_executed_the_order_fails(outside: Outside) -> None:
    whole = make_waiting_order(Status.OPEN, request=make_waiting_request("twap", schedule=Schedule(1, 60_000)))
    kept(outside, with_slice(whole))

    [order] = settle(outside, make_slice(whole, Status.FAILED))

    assert (order.status, order.reason) == (Status.FAILED, "filled 0 of 1 slices")


def test_a_slice_is_added_once_however_often_it_comes(outside: Outside) -> None:
    kept(outside, with_slice(RESTING))

    assert len(settle(outside, make_slice(RESTING), make_slice(RESTING))) == 1
    assert len(settle(outside, make_slice(RESTING))) == 1


def test_the_example_event_is_a_slice_that_comes_with_two_ends(outside: Outside) -> None:
    kept(outside, with_slice(RESTING))

    assert lambda_handler(read_event("settle_slice"), None) == {"batchItemFailures": []}
    assert [step.order.status for step in outside.orders.transitions] == [Status.PARTIALLY_FILLED]


def test_an_order_that_has_ended_takes_nothing_more(outside: Outside) -> None:
    kept(outside, with_slice(RESTING).cancel(NOW_MS))

    assert settle(outside, make_slice(RESTING)) == []


def test_an_order_that_has_left_redis_is_not_looked_for_any_more(outside: Outside) -> None:
    assert settle(outside, make_slice(RESTING)) == []


@pytest.mark.parametrize("end", [Status.CANCELLED, Status.EXPIRED])
def test_an_end_that_was_requested_comes_when_the_slice_under_way_has_ended(outside: Outside, end: Status) -> None:
    kept(outside, with_slice(RESTING))
    outside.orders.ends[ORDER_ID] = end

    [order] = settle(outside, make_slice(RESTING, Status.FAILED))

    assert (order.status, order.amount_filled) == (end, 0)


def test_what_was_executed_counts_before_an_end_that_was_requested(outside: Outside) -> None:
    kept(outside, with_slice(RESTING))
    outside.orders.ends[ORDER_ID] = Status.CANCELLED

    [order] = settle(outside, make_slice(RESTING))

    # It ends as soon as it is looked at, with this part.
    assert (order.status, order.amount_filled) == (Status.PARTIALLY_FILLED, 3_125_000_000)
    assert outside.orders.transitions[0].next_stream == "open"


def test_an_order_that_takes_another_step_meanwhile_is_read_again(outside: Outside) -> None:
    under_way = kept(outside, with_slice(RESTING))
    amended = under_way.amend(under_way.request, None, NOW_MS)
    apply = outside.orders.apply

    def amend_first(transitions: Sequence[Transition]) -> list[bool]:
        if outside.orders.sequences[ORDER_ID] == under_way.sequence:
            assert apply([Transition(amended)]) == [True]
        return apply(transitions)

    outside.orders.apply = amend_first  # type: ignore[method-assign]

    [_, order] = settle(outside, make_slice(RESTING))

    assert (order.sequence, order.status) == (amended.sequence + 1, Status.PARTIALLY_FILLED)


def test_an_order_that_is_no_slice_is_refused(outside: Outside) -> None:
    with pytest.raises(ValueError, match=f"^order {ORDER_ID} is no slice$"):
        settle(outside, make_order(Status.CONFIRMED))


def test_a_record_without_an_order_is_reported_alone(outside: Outside) -> None:
    kept(outside, with_slice(RESTING))
    event = order_records("settle", make_slice(RESTING))
    event["Records"].insert(0, event["Records"][0] | {"messageId": "7-7", "data": {"order": "{"}})

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == ["7-7"]
    assert len(outside.orders.transitions) == 1
