"""A stage without a status: what it does with orders on their way between two stages that give them one."""

import pytest

from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import LIFECYCLE, Row
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime.batch import BatchResponse
from orderflow.runtime.stage import run_stage
from tests.support.builders import ORDER_ID, OTHER_ID, make_order, message_ids, order_records
from tests.support.fakes.outside import Outside

CONFIRMED_ID = OTHER_ID.replace("c02", "c03")


@pytest.fixture(autouse=True)
def _check_before_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIFECYCLE, Status.ROUTING, Row(("check", "build"), Status.BUILDING))


def check(order: Order, _nothing: None, _now_ms: int) -> Transition:
    if order.order_id == OTHER_ID:
        raise RejectedError("too risky")
    return Transition(order, delay_ms=7)


def run(*orders: Order) -> BatchResponse:
    return run_stage("check_risk", order_records("check", *orders), read=lambda _orders: None, decide=check)


def test_an_order_that_comes_back_as_it_was_goes_to_the_next_stage_for_its_status(outside: Outside) -> None:
    order = make_order(Status.ROUTING)

    assert run(order) == {"batchItemFailures": []}

    assert outside.orders.scheduled == [("build", order, 7)]
    assert outside.orders.transitions == []


def test_one_that_is_rejected_fails_and_goes_nowhere(outside: Outside) -> None:
    passed, rejected = make_order(Status.ROUTING), make_order(Status.ROUTING, order_id=OTHER_ID)

    assert run(rejected, passed) == {"batchItemFailures": []}

    (failed,) = outside.orders.transitions
    assert (failed.order.order_id, failed.order.status, failed.order.reason) == (OTHER_ID, Status.FAILED, "too risky")
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [ORDER_ID]


def test_one_whose_status_leads_to_no_other_stage_is_reported_alone(outside: Outside) -> None:
    ended = make_order(Status.CONFIRMED, order_id=CONFIRMED_ID)
    event = order_records("check", ended, make_order(Status.ROUTING))

    response = run_stage("check_risk", event, read=lambda _orders: None, decide=check)

    error = "IllegalTransitionError: no stage follows check while an order is confirmed"
    assert response == {"batchItemFailures": [{"itemIdentifier": message_ids(event)[0], "error": error}]}
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [ORDER_ID]


def test_the_batch_comes_again_when_orders_could_not_be_passed_on(outside: Outside) -> None:
    outside.orders.error = RetryableError("Redis can't be reached")

    with pytest.raises(RetryableError, match="^Redis can't be reached$"):
        run(make_order(Status.ROUTING))
