"""build_order: the unsigned transaction, with its minimum out and its expiry."""

import msgspec
import pytest
import redis

from functions.build_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import first_stream
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.venues.mock.latency import Latency
from tests.support.builders import (
    NOW_MS,
    OTHER_ID,
    make_order,
    make_request,
    message_ids,
    order_records,
    read_event,
    route_for,
)
from tests.support.fakes.outside import Outside


def test_orders_go_on_to_be_submitted_when_their_transactions_are_built(outside: Outside) -> None:
    response = lambda_handler(read_event("build_order"), None)

    first, second = outside.orders.transitions
    built_in_ms = round(outside.latency.build_ms(0, first.order.request))
    assert built_in_ms > 0
    assert response == {"batchItemFailures": []}
    assert first == Transition(make_order(Status.BUILDING, expires_at_ms=NOW_MS + built_in_ms + 60_000), built_in_ms)
    assert (second.order.order_id, second.next_stream) == (OTHER_ID, first_stream(Status.BUILDING))


def test_the_minimum_out_is_the_quote_less_the_slippage_allowed(outside: Outside) -> None:
    lambda_handler(read_event("build_order"), None)

    first, second = (step.order for step in outside.orders.transitions)
    # 5 % and 1 % less, what is taken off rounded down.
    assert first.chosen_route.expected_out == 2_746_933_337
    assert first.built_transaction.minimum_out == 2_609_586_671
    quoted = second.chosen_route.expected_out
    assert second.built_transaction.minimum_out == quoted - quoted // 100


def test_sol_is_wrapped_before_and_unwrapped_after(outside: Outside) -> None:
    lambda_handler(read_event("build_order"), None)

    first, second = (step.order.built_transaction.instructions for step in outside.orders.transitions)
    assert first == ("system.transfer", "token.sync_native", "meteora_dlmm.swap")
    assert second == ("meteora_dlmm.swap", "token.close_account")


def test_a_blockhash_lives_for_a_minute_from_the_moment_that_the_transaction_is_ready(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=2)
    outside.chain.time_ms = NOW_MS + 5
    outside.now_ms = NOW_MS - 3_600_000  # this machine's clock is an hour behind the chain's

    lambda_handler(read_event("build_order"), None)

    for step in outside.orders.transitions:
        assert step.delay_ms > 0
        assert step.order.built_transaction.expires_at_ms == NOW_MS + 5 + step.delay_ms + 120_000


def test_a_transaction_is_valid_for_150_slots_from_the_one_that_it_was_routed_in(outside: Outside) -> None:
    route = route_for(make_request(), slot=1_000)
    order = make_order().choose_route(route, NOW_MS)

    lambda_handler(order_records("build", order), None)

    (step,) = outside.orders.transitions
    assert step.order.built_transaction.last_valid_slot == 1_150


def test_an_order_that_can_not_be_built_does_not_keep_others_from_being_built(outside: Outside) -> None:
    # It has no route, as only a bug could leave it.
    event = order_records("build", make_order(Status.PENDING), make_order(Status.ROUTING, order_id=OTHER_ID))

    response = lambda_handler(event, None)

    (failure,) = response["batchItemFailures"]
    assert failure["itemIdentifier"] == message_ids(event)[0]
    assert failure["error"].startswith("ValueError: ")
    assert [(step.order.order_id, step.order.status) for step in outside.orders.transitions] == [
        (OTHER_ID, Status.BUILDING)
    ]


def test_when_the_venue_is_unavailable_the_whole_batch_waits(outside: Outside) -> None:
    outside.chain.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError):
        lambda_handler(read_event("build_order"), None)

    assert outside.orders.transitions == []


def test_a_late_copy_of_a_message_takes_nothing_from_the_next_message_in_its_batch(outside: Outside) -> None:
    late, other = (make_order(Status.ROUTING, make_request(amount=amount)) for amount in ("5", "250"))
    latest = msgspec.structs.replace(other, sequence=other.sequence + 4)

    lambda_handler(order_records("build", latest, late), None)

    [step] = outside.orders.transitions
    assert step.order.sequence == latest.sequence + 1
    assert step.delay_ms == round(outside.latency.build_ms(0, latest.request))
