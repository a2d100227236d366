"""confirm_order for orders that wait: executed as a whole or in part, tried again, or ended as was requested."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.confirm_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.brackets import exits_request
from orderflow.domain.conditions import Price, Trigger
from orderflow.domain.execution import Execution
from orderflow.domain.order import Order, OrderType
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import (
    land,
    make_order,
    make_request,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    order_records,
)
from tests.support.fakes.outside import Outside
from tests.support.launches import LaunchVenue, make_launch

CLOSED = make_launch(close_slot=5)

EXITS = (
    Trigger("take_profit", 500, price=Price(Decimal(250))),
    Trigger("stop_loss", 2_000, price=Price(Decimal(200))),
)


def sent(order_type: OrderType = "limit", **changes: Any) -> Order:
    return make_waiting_order(Status.SUBMITTED, request=make_waiting_request(order_type, **changes))


def executed(outside: Outside, order: Order) -> Transition:
    """Have an order's transaction be executed; return the step that it takes."""
    [execution] = land([order]).executions
    return confirmed(outside, order, execution)


def refused(outside: Outside, order: Order, slot: int = 7) -> Transition:
    """Have an order's transaction be refused; return the step that it takes."""
    return confirmed(outside, order, Execution(order.signature, slot, error="Blockhash not found"))


def confirmed(outside: Outside, order: Order, execution: Execution) -> Transition:
    outside.chain.executions[order.signature] = execution
    assert lambda_handler(order_records("confirm", order), None) == {"batchItemFailures": []}
    return outside.orders.transitions[-1]


def test_one_that_is_executed_as_a_whole_is_confirmed(outside: Outside) -> None:
    step = executed(outside, sent())

    assert step == Transition(make_waiting_order(Status.CONFIRMED))
    assert (step.order.amount_filled, step.order.amount_remaining, step.next_stream) == (12_500_000_000, 0, None)


def test_one_of_which_a_part_is_executed_rests_with_what_is_left(outside: Outside) -> None:
    step = executed(outside, make_waiting_order(Status.SUBMITTED, part=6_250_000_000))

    assert step == Transition(make_waiting_order(Status.PARTIALLY_FILLED))
    assert (step.order.amount_filled, step.order.amount_remaining) == (6_250_000_000, 6_250_000_000)
    assert step.next_stream == "open"


@pytest.mark.parametrize("order_type", ["limit", "stop_loss"])
def test_one_that_is_refused_is_tried_again(outside: Outside, order_type: OrderType) -> None:
    step = refused(outside, sent(order_type))

    again = {
        "limit": (Status.OPEN, "open", "attempt 1: Blockhash not found; next attempt from slot 8"),
        "stop_loss": (Status.TRIGGERED, "route", "attempt 1: Blockhash not found"),
    }
    assert (step.order.status, step.next_stream, step.order.reason) == again[order_type]


@pytest.mark.parametrize("order", [sent(), sent("stop_loss"), make_order(Status.SUBMITTED)])
@pytest.mark.parametrize("end", [Status.CANCELLED, Status.EXPIRED])
def test_one_whose_end_was_requested_ends_so_when_it_is_refused(outside: Outside, order: Order, end: Status) -> None:
    outside.orders.ends[order.order_id] = end

    step = refused(outside, order)

    assert (step.order.status, step.order.amount_filled) == (end, 0)
    assert step.order.reason == ("Blockhash not found" if end is Status.CANCELLED else None)


@pytest.mark.parametrize("order", [sent(), make_order(Status.SUBMITTED)])
def test_an_end_that_was_requested_is_nothing_to_one_that_is_executed(outside: Outside, order: Order) -> None:
    outside.orders.ends[order.order_id] = Status.CANCELLED

    assert executed(outside, order).order.status is Status.CONFIRMED


@pytest.mark.parametrize("waits", [False, True])
def test_exits_are_created_in_the_step_that_confirms_their_order_over_what_it_received(
    outside: Outside, *, waits: bool
) -> None:
    request = msgspec.structs.replace(make_request("USDC", "SOL", "1000"), exits=EXITS)
    order = sent(exits=EXITS) if waits else make_order(Status.SUBMITTED, request)

    step = executed(outside, order)

    assert step.child is not None
    assert step.order.child_id == step.child.order_id
    assert (step.child.request, step.child.parent_id) == (exits_request(step.order), order.order_id)
    assert step.child.request.amount_in == step.order.amount_out
    assert (step.child.status, step.child.slice) == (Status.PENDING, None)


def test_there_are_no_exits_of_what_was_not_received(outside: Outside) -> None:
    step = refused(outside, sent(exits=EXITS))

    assert (step.order.status, step.child, step.order.child_id) == (Status.OPEN, None, None)


@pytest.mark.parametrize("end", [Status.CONFIRMED, Status.FAILED])
def test_a_slice_that_has_ended_is_sent_to_be_added_to_its_order(outside: Outside, end: Status) -> None:
    slice_ = make_slice(make_waiting_order(Status.OPEN, "twap"), Status.SUBMITTED)

    step = executed(outside, slice_) if end is Status.CONFIRMED else refused(outside, slice_)

    assert (step.order.status, step.next_stream) == (end, "settle")


def test_the_result_of_a_refused_attempt_may_be_forgotten_too(outside: Outside) -> None:
    order = sent()

    refused(outside, order)

    assert outside.chain.forgotten == [(order.signature, order.built_transaction.expires_at_ms)]


def test_each_of_a_batch_has_its_own_end(outside: Outside) -> None:
    orders = [make_waiting_order(Status.SUBMITTED, order_id=nth_id(number)) for number in range(3)]
    outside.orders.ends[orders[1].order_id] = Status.EXPIRED
    for order in orders:
        outside.chain.executions[order.signature] = Execution(order.signature, 7, error="x")

    lambda_handler(order_records("confirm", *orders), None)

    assert [step.order.status for step in outside.orders.transitions] == [Status.OPEN, Status.EXPIRED, Status.OPEN]


def test_one_that_has_not_landed_is_asked_for_again_whatever_was_requested(outside: Outside) -> None:
    order = sent()
    outside.orders.ends[order.order_id] = Status.CANCELLED

    response = lambda_handler(order_records("confirm", order), None)

    [failure] = response["batchItemFailures"]
    assert failure["error"].startswith(RetryableError.__name__)
    assert outside.orders.transitions == []


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "oco"])
def test_one_that_is_refused_after_its_token_has_closed_ends_and_is_not_tried_again(
    outside: Outside, order_type: OrderType
) -> None:
    step = refused_on(LaunchVenue(CLOSED, slot=7), outside, sent(order_type, tokens=(CLOSED.token,)))

    assert (step.order.status, step.order.reason, step.next_stream) == (Status.CANCELLED, "pool closed", None)
    assert step.order.tx_hash is not None


def test_one_whose_token_still_trades_is_tried_again(outside: Outside) -> None:
    again = refused_on(LaunchVenue(CLOSED, slot=4), outside, sent(tokens=(CLOSED.token,)))

    assert again.order.status is Status.OPEN


def test_an_end_that_was_requested_stands_when_the_token_has_closed_too(outside: Outside) -> None:
    order = sent(tokens=(CLOSED.token,))
    outside.orders.ends[order.order_id] = Status.EXPIRED

    ended = refused_on(LaunchVenue(CLOSED, slot=5), outside, order)

    assert ended.order.status is Status.EXPIRED


def test_a_slice_that_is_refused_after_the_close_fails_as_any_market_order_does(outside: Outside) -> None:
    order = make_order(Status.SUBMITTED, request=msgspec.structs.replace(make_request(), tokens=(CLOSED.token,)))

    step = refused_on(LaunchVenue(CLOSED, slot=7), outside, order)

    assert (step.order.status, step.order.reason) == (Status.FAILED, "Blockhash not found")


def refused_on(venue: LaunchVenue, outside: Outside, order: Order) -> Transition:
    """Have an order's transaction be refused on a venue with launches; return the step that it takes."""
    outside.venue = venue
    venue.executions[order.signature] = Execution(order.signature, 4, error="Blockhash not found")
    return confirmed(outside, order, venue.executions[order.signature])
