"""record_order: from the status stream to the ledger, and orders that have ended out of Redis."""

from typing import Any

import pytest
import redis
from pg8000.exceptions import DatabaseError

from functions.record_order.handler import lambda_handler
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.adapters.replication import transition_written
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import (
    ORDER_ID,
    OTHER_ID,
    encode,
    make_order,
    make_request,
    message_ids,
    nth_id,
    read_event,
    records,
    status_fields,
    watch_fields,
)
from tests.support.fakes.outside import Outside
from tests.support.order_steps import step_document, whole_document

WAY = [make_order(status) for status in COURSE]
BACK = make_request("USDC", "SOL", "250.75", slippage_bps=100)
FAILS = [make_order(status, BACK, order_id=OTHER_ID) for status in (*COURSE[:-1], Status.FAILED)]


def refusing(outside: Outside, *order_ids: str) -> None:
    """Have Postgres refuse the steps of these orders."""

    def refuse(step: OrderDocument) -> None:
        if step.order_id in order_ids:
            raise DatabaseError({"S": "ERROR", "C": "22003", "M": "numeric field overflow"})

    outside.ledger.refuse = refuse


def record(*data: dict[str, str]) -> Any:
    return lambda_handler(records("status", data), None)


def test_every_step_is_written_and_subscriptions_leave_no_trace(outside: Outside) -> None:
    response = lambda_handler(read_event("record_order"), None)

    assert response == {"batchItemFailures": []}
    assert outside.ledger.written == [step_document(order) for order in (*WAY, *FAILS)]


def test_orders_that_have_ended_are_let_go_and_no_others(outside: Outside) -> None:
    lambda_handler(read_event("record_order"), None)
    record(*(status_fields(make_order(status, order_id=nth_id(1))) for status in (Status.PENDING, Status.SUBMITTED)))

    assert outside.orders.gone == [ORDER_ID, OTHER_ID]


def test_orders_are_let_go_only_after_the_ledger_has_them(outside: Outside) -> None:
    outside.ledger.error = RetryableError("Postgres can't be reached: refused")

    with pytest.raises(RetryableError, match="^Postgres can't be reached: refused$"):
        lambda_handler(read_event("record_order"), None)

    assert outside.orders.gone == []


def test_what_is_written_but_could_not_be_let_go_comes_again(outside: Outside) -> None:
    outside.orders.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError, match="^Redis can't be reached: "):
        lambda_handler(read_event("record_order"), None)

    assert len(outside.ledger.written) == len(WAY) + len(FAILS)


def test_a_step_that_postgres_refuses_is_found_and_the_others_are_written(outside: Outside) -> None:
    refusing(outside, nth_id(2))
    orders = [make_order(Status.CONFIRMED, order_id=nth_id(number)) for number in range(4)]
    event = records("status", [status_fields(order) for order in orders])

    response = lambda_handler(event, None)

    (failure,) = response["batchItemFailures"]
    assert failure["itemIdentifier"] == message_ids(event)[2]
    assert "numeric field overflow" in failure["error"]
    assert outside.ledger.written == [step_document(order) for order in orders if order.order_id != nth_id(2)]
    assert outside.orders.gone == [nth_id(0), nth_id(1), nth_id(3)]


def test_subscriptions_are_no_part_of_the_search_for_a_refused_step(outside: Outside) -> None:
    refusing(outside, ORDER_ID)
    event = records("status", [watch_fields(), status_fields(WAY[0]), watch_fields("unsubscribe")])

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == message_ids(event, 1)


def test_a_batch_of_subscriptions_needs_no_ledger(outside: Outside) -> None:
    outside.ledger.error = AssertionError("asked")

    assert record(watch_fields(), watch_fields("unsubscribe")) == {"batchItemFailures": []}
    assert record() == {"batchItemFailures": []}


@pytest.mark.parametrize("order", WAY, ids=lambda order: order.status)
def test_an_entry_of_the_release_before_is_written_by_the_order_in_it(outside: Outside, order: Order) -> None:
    former = status_fields(order) | {"event": encode(event_of(order)), "order": encode(order)}

    assert record(former) == {"batchItemFailures": []}
    assert outside.ledger.written == [whole_document(order)]


def test_an_order_of_which_the_ledger_lacks_steps_is_written_as_redis_has_it_and_then_let_go(outside: Outside) -> None:
    outside.ledger.lacking = {ORDER_ID}
    outside.orders.known[ORDER_ID] = (WAY[4], [event_of(order) for order in WAY])

    assert record(status_fields(WAY[3]), status_fields(WAY[4])) == {"batchItemFailures": []}

    assert outside.ledger.written == [step_document(WAY[3]), step_document(WAY[4]), whole_document(WAY[4])]
    assert outside.orders.gone == [ORDER_ID]
    # A failover must not take back what Redis said either.
    assert transition_written(WAY[4], 1) in outside.replication.waited


def test_an_order_that_no_replica_has_as_redis_has_it_is_not_written_yet(outside: Outside) -> None:
    outside.ledger.lacking = {ORDER_ID}
    outside.orders.known[ORDER_ID] = (WAY[4], [event_of(order) for order in WAY])
    outside.replication.lacking.append(transition_written(WAY[4], 1))

    with pytest.raises(RetryableError, match="^0 of 1 replicas have "):
        record(status_fields(WAY[4]))

    assert whole_document(WAY[4]) not in outside.ledger.written
    assert outside.orders.gone == []


def test_a_step_of_an_order_that_is_nowhere_is_reported_and_nothing_is_let_go(outside: Outside) -> None:
    outside.ledger.lacking = {ORDER_ID}
    event = records("status", [status_fields(FAILS[-1]), status_fields(WAY[4])])

    response = lambda_handler(event, None)

    [failure] = response["batchItemFailures"]
    assert failure["itemIdentifier"] == message_ids(event)[1]
    assert "the ledger lacks the steps before, and Redis has no such order" in failure["error"]
    assert outside.orders.gone == [OTHER_ID]


def test_a_subscription_that_had_to_wait_is_none_of_the_steps(outside: Outside) -> None:
    assert record({"order": encode(watch_fields())}) == {"batchItemFailures": []}

    assert outside.ledger.written == []


@pytest.mark.parametrize("broken", [{"event": "{}"}, {"event": "{}", "order": "{}"}, {"event": "no JSON"}])
def test_a_poisoned_record_is_reported_alone_while_the_others_are_written(
    outside: Outside, broken: dict[str, str]
) -> None:
    event = records("status", [status_fields(WAY[0]), broken, status_fields(WAY[1])])

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == message_ids(event, 1)
    assert outside.ledger.written == [step_document(WAY[0]), step_document(WAY[1])]
