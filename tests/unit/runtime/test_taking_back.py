"""Taking an order back: at once while it is here, by the venue's word once its transaction is out."""

import pytest

from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from orderflow.runtime.taking_back import TakenBack, take_back
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    WAITING_TYPES,
    make_order,
    make_slice,
    make_waiting_order,
    with_slice,
)
from tests.support.fakes.orders import FakeOrders

ENDS = [Status.CANCELLED, Status.EXPIRED]
HERE = [Status.OPEN, Status.PARTIALLY_FILLED, Status.TRIGGERED, Status.ROUTING, Status.BUILDING]
OVER = [Status.CONFIRMED, Status.FAILED, Status.CANCELLED, Status.EXPIRED]


def kept(*held: Order) -> FakeOrders:
    """Return orders that are in Redis as they are."""
    orders = FakeOrders()
    for order in held:
        orders.known[order.order_id] = order, [event_of(order)]
        orders.sequences[order.order_id] = order.sequence
    return orders


def ended(order: Order, end: Status) -> Order:
    return order.cancel(NOW_MS) if end is Status.CANCELLED else order.expire(NOW_MS)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "order",
    [
        *[make_order(status) for status in (Status.PENDING, Status.ROUTING, Status.BUILDING)],
        *[make_waiting_order(status) for status in (Status.PENDING, *HERE)],
        *[make_waiting_order(Status.OPEN, order_type) for order_type in WAITING_TYPES],
    ],
    ids=lambda order: f"{order.request.order_type}-{order.status}",
)
def test_an_order_that_is_here_ends_at_once(order: Order, end: Status) -> None:
    orders = kept(order)

    taken = take_back(orders, ORDER_ID, end, NOW_MS)

    assert taken == TakenBack(ended(order, end))
    assert [step.order for step in orders.transitions] == [ended(order, end)]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("order", [make_order(Status.SUBMITTED), make_waiting_order(Status.SUBMITTED)])
def test_once_its_transaction_is_out_its_end_is_only_requested(order: Order, end: Status) -> None:
    orders = kept(order)

    taken = take_back(orders, ORDER_ID, end, NOW_MS)

    assert taken == TakenBack(order, is_requested=True)
    assert (orders.transitions, orders.ends) == ([], {ORDER_ID: end})


def test_what_was_requested_first_stands() -> None:
    orders = kept(make_order(Status.SUBMITTED))

    for end in (Status.EXPIRED, Status.CANCELLED):
        take_back(orders, ORDER_ID, end, NOW_MS)

    assert orders.ends == {ORDER_ID: Status.EXPIRED}


@pytest.mark.parametrize("status", OVER)
def test_an_order_that_has_ended_stays_as_it_is(status: Status) -> None:
    order = make_waiting_order(status)
    orders = kept(order)

    assert take_back(orders, ORDER_ID, Status.CANCELLED, NOW_MS) == TakenBack(order)
    assert (orders.transitions, orders.ends) == ([], {})


def test_an_order_that_nobody_knows_is_none() -> None:
    assert take_back(FakeOrders(), ORDER_ID, Status.CANCELLED, NOW_MS) == TakenBack(None)


@pytest.mark.parametrize("reached", [Status.TRIGGERED, Status.SUBMITTED, Status.CONFIRMED])
def test_an_order_that_goes_on_while_it_is_taken_back_is_looked_at_again(reached: Status) -> None:
    before, after = make_waiting_order(Status.OPEN), make_waiting_order(reached)
    orders = kept(after)
    looks = iter([before, after])
    orders.find_each = lambda _, account=None: {ORDER_ID: next(looks)}  # type: ignore[method-assign, assignment]

    taken = take_back(orders, ORDER_ID, Status.CANCELLED, NOW_MS)

    if reached is Status.TRIGGERED:
        assert taken == TakenBack(after.cancel(NOW_MS))
    else:
        assert taken == TakenBack(after, is_requested=reached is Status.SUBMITTED)


def test_one_whose_transaction_was_refused_while_its_end_was_requested_ends_at_once() -> None:
    sent = make_waiting_order(Status.SUBMITTED)
    reopened = sent.reopen("x", 7, NOW_MS)
    orders = kept(reopened)
    looks = iter([sent, reopened])
    orders.find_each = lambda _, account=None: {ORDER_ID: next(looks)}  # type: ignore[method-assign, assignment]

    assert take_back(orders, ORDER_ID, Status.CANCELLED, NOW_MS) == TakenBack(reopened.cancel(NOW_MS))
    assert orders.ends == {}


@pytest.mark.parametrize("end", ENDS)
def test_an_order_in_slices_ends_with_the_slice_under_way_which_is_cancelled_if_it_still_can_be(end: Status) -> None:
    resting = make_waiting_order(Status.OPEN, "twap")
    slice_, order = make_slice(resting, Status.BUILDING), with_slice(resting)
    orders = kept(slice_, order)

    taken = take_back(orders, ORDER_ID, end, NOW_MS)

    assert taken == TakenBack(order, is_requested=True)
    assert [step.order for step in orders.transitions] == [slice_.cancel(NOW_MS)]
    assert orders.ends == {ORDER_ID: end}


def test_when_that_is_out_too_both_wait_for_the_venue() -> None:
    resting = make_waiting_order(Status.OPEN, "twap")
    slice_, order = make_slice(resting, Status.SUBMITTED), with_slice(resting)
    orders = kept(slice_, order)

    take_back(orders, ORDER_ID, Status.EXPIRED, NOW_MS)

    assert orders.transitions == []
    assert orders.ends == {ORDER_ID: Status.EXPIRED, slice_.order_id: Status.CANCELLED}


def test_between_two_slices_it_ends_at_once() -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED, "twap")
    orders = kept(order)

    assert take_back(orders, ORDER_ID, Status.CANCELLED, NOW_MS) == TakenBack(order.cancel(NOW_MS))
