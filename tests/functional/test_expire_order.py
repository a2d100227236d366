"""expire_order: an order whose time is over ends, wherever it is."""

import pytest

from functions.expire_order.handler import lambda_handler
from orderflow.domain.lifecycle import EXPIRED_STREAM
from orderflow.domain.order import Order, OrderType, event_of
from orderflow.domain.status import Status
from orderflow.runtime.expiring import CLOCKS_DIFFER_MS
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    order_records,
    read_event,
    with_slice,
)
from tests.support.fakes.outside import Outside


def kept(outside: Outside, order: Order) -> Order:
    """Have an order be in Redis as it is."""
    outside.orders.known[order.order_id] = order, [event_of(order)]
    outside.orders.sequences[order.order_id] = order.sequence
    return order


def order_at(status: Status, order_type: OrderType = "limit", expires_at_ms: int | None = NOW_MS) -> Order:
    return make_waiting_order(status, request=make_waiting_request(order_type, expires_at_ms=expires_at_ms))


def expire() -> None:
    """Have the function get the example event: the order as it came in."""
    assert lambda_handler(read_event("expire_order"), None) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "status",
    [Status.OPEN, Status.PARTIALLY_FILLED, Status.TRIGGERED, Status.ROUTING, Status.BUILDING],
)
def test_an_order_expires_whatever_its_status_is_before_its_transaction_is_out(
    outside: Outside, status: Status
) -> None:
    order = kept(outside, order_at(status))

    expire()

    [step] = outside.orders.transitions
    assert step.order == order.expire(NOW_MS)
    assert step.next_stream is None


def test_once_its_transaction_is_out_it_expires_only_if_that_is_refused(outside: Outside) -> None:
    kept(outside, order_at(Status.SUBMITTED))

    expire()

    assert outside.orders.transitions == []
    assert outside.orders.ends == {ORDER_ID: Status.EXPIRED}


@pytest.mark.parametrize("end", [Status.CONFIRMED, Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_an_order_that_has_ended_is_left_as_it_is(outside: Outside, end: Status) -> None:
    kept(outside, order_at(end))

    expire()

    assert (outside.orders.transitions, outside.orders.ends) == ([], {})


def test_an_order_that_has_left_redis_is_not_looked_for_any_more(outside: Outside) -> None:
    expire()

    assert outside.orders.transitions == []


def test_an_order_whose_time_was_amended_comes_again_by_that(outside: Outside) -> None:
    kept(outside, order_at(Status.OPEN, expires_at_ms=NOW_MS + CLOCKS_DIFFER_MS + 1))

    expire()

    assert (outside.orders.transitions, outside.orders.scheduled) == ([], [])


def test_an_order_that_does_not_expire_any_more_is_left_alone(outside: Outside) -> None:
    kept(outside, order_at(Status.OPEN, expires_at_ms=None))

    expire()

    assert (outside.orders.transitions, outside.orders.scheduled) == ([], [])


def test_one_whose_time_is_over_by_another_clock_only_comes_again(outside: Outside) -> None:
    order = kept(outside, order_at(Status.OPEN, expires_at_ms=NOW_MS + 250))

    expire()

    assert outside.orders.transitions == []
    assert outside.orders.scheduled == [(EXPIRED_STREAM, order, 250)]


def test_an_order_in_slices_expires_when_the_slice_under_way_has_ended(outside: Outside) -> None:
    order = order_at(Status.OPEN, "twap")
    slice_ = kept(outside, make_slice(order, Status.ROUTING))
    kept(outside, with_slice(order))

    expire()

    assert [step.order for step in outside.orders.transitions] == [slice_.cancel(NOW_MS)]
    assert outside.orders.transitions[0].next_stream == "settle"
    assert outside.orders.ends == {ORDER_ID: Status.EXPIRED}


def test_a_record_without_an_order_is_reported_alone(outside: Outside) -> None:
    kept(outside, order_at(Status.OPEN))
    event = order_records(EXPIRED_STREAM, order_at(Status.PENDING))
    event["Records"].insert(0, event["Records"][0] | {"messageId": "7-7", "data": {"order": "{"}})

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == ["7-7"]
    assert len(outside.orders.transitions) == 1
