"""confirm_order: the result of a signature makes the end of an order."""

from decimal import Decimal

import msgspec
import pytest
import redis

from functions.confirm_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.execution import Execution
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import ORDER_ID, OTHER_ID, land, make_order, make_request, message_ids, read_event
from tests.support.fakes.outside import Outside

FIRST = make_order(Status.SUBMITTED)
SECOND = make_order(Status.SUBMITTED, make_request("USDC", "SOL", "250.75", slippage_bps=100), order_id=OTHER_ID)


def landed(outside: Outside, *orders: Order) -> None:
    for execution in land(orders).executions:
        outside.chain.executions[execution.signature] = execution


def test_landed_orders_are_confirmed_with_their_fills_and_price(outside: Outside) -> None:
    landed(outside, FIRST, SECOND)

    response = lambda_handler(read_event("confirm_order"), None)

    first, second = outside.orders.transitions
    assert response == {"batchItemFailures": []}
    assert first == Transition(make_order(Status.CONFIRMED))
    assert first.order.execution_price == Decimal("219.75466696")
    assert second.order.status is Status.CONFIRMED
    assert (second.next_stream, second.order.request) == (None, SECOND.request)


def test_the_price_is_what_was_really_received(outside: Outside) -> None:
    leg = msgspec.structs.replace(FIRST.chosen_route.legs[0], amount_out=2_725_000_000)
    outside.chain.executions = {
        FIRST.signature: Execution(FIRST.signature, 3, 2_725_000_000, (leg,)),
        SECOND.signature: Execution(SECOND.signature, 3, error="x"),
    }

    lambda_handler(read_event("confirm_order"), None)

    order = outside.orders.transitions[0].order
    assert (order.amount_out, order.fills, order.execution_price) == (2_725_000_000, (leg,), Decimal(218))


def test_an_order_whose_execution_failed_fails_with_its_reason(outside: Outside) -> None:
    landed(outside, SECOND)
    reason = "Price moved 5.68% (max allowed: 5.00%); Meteora DLMM error 6003, 0x1773"
    outside.chain.executions[FIRST.signature] = Execution(FIRST.signature, 1, error=reason)

    response = lambda_handler(read_event("confirm_order"), None)

    failed, confirmed = outside.orders.transitions
    assert response == {"batchItemFailures": []}
    assert failed == Transition(make_order(Status.FAILED, reason=reason))
    assert failed.order.tx_hash == FIRST.tx_hash
    assert confirmed.order.status is Status.CONFIRMED


def test_a_transaction_that_has_not_landed_is_asked_for_again(outside: Outside) -> None:
    landed(outside, SECOND)
    event = read_event("confirm_order")

    response = lambda_handler(event, None)

    assert response["batchItemFailures"] == [
        {
            "itemIdentifier": message_ids(event)[0],
            "error": f"RetryableError: transaction {FIRST.tx_hash} has not landed yet",
        }
    ]
    assert [step.order.order_id for step in outside.orders.transitions] == [OTHER_ID]


def test_the_chain_may_forget_only_the_results_of_orders_that_have_ended(outside: Outside) -> None:
    landed(outside, SECOND)

    lambda_handler(read_event("confirm_order"), None)

    assert outside.chain.forgotten == [(SECOND.tx_hash, SECOND.built_transaction.expires_at_ms)]


def test_the_chain_forgets_nothing_before_the_end_is_on_record(outside: Outside) -> None:
    landed(outside, FIRST, SECOND)
    outside.orders.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError):
        lambda_handler(read_event("confirm_order"), None)

    assert outside.chain.forgotten == []


def test_a_second_message_changes_nothing(outside: Outside) -> None:
    landed(outside, FIRST, SECOND)
    lambda_handler(read_event("confirm_order"), None)
    ended = list(outside.orders.transitions)

    response = lambda_handler(read_event("confirm_order"), None)

    assert response == {"batchItemFailures": []}
    assert outside.orders.transitions == ended
    assert [order.order.order_id for order in ended] == [ORDER_ID, OTHER_ID]
