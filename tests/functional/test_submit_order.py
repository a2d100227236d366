"""submit_order: signed, recorded, then sent."""

import pytest
import redis

from functions.submit_order.handler import lambda_handler
from orderflow.adapters.orders import Transition
from orderflow.adapters.replication import transition_written
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.sending import send
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.signer import sign
from orderflow.venues.mock.venue import transaction_executed, transaction_sent
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    land,
    make_order,
    make_request,
    message_ids,
    nth_id,
    order_records,
    read_event,
)
from tests.support.fakes.outside import Outside

BACK = make_request("USDC", "SOL", "250.75", slippage_bps=100)


def test_transactions_are_recorded_with_their_signatures_and_sent_to_land(outside: Outside) -> None:
    response = lambda_handler(read_event("submit_order"), None)

    submitted = [make_order(Status.SUBMITTED), make_order(Status.SUBMITTED, BACK, order_id=OTHER_ID)]
    assert response == {"batchItemFailures": []}
    # The chain, not a stream, takes a submitted order on.
    assert outside.orders.transitions == [Transition(order) for order in submitted]
    slots = [outside.latency.landing(0, order.request).slots for order in submitted]
    assert outside.chain.sent == [(order, 400 * late) for order, late in zip(submitted, slots, strict=True)]
    assert all(1 <= late <= 4 for late in slots)


def test_a_transaction_that_is_dropped_lands_when_it_was_sent_again_two_seconds_later(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=1, drop_rate=0.5)
    many = [
        make_order(Status.BUILDING, make_request(amount=f"{number}.5"), order_id=nth_id(number))
        for number in range(1, 30)
    ]

    lambda_handler(order_records("submit", *many), None)

    undisturbed = Latency(seed=1, speed=1, drop_rate=0)
    sends = [outside.latency.landing(0, order.request).sends for order in many]
    for order, sent, (_, delay_ms) in zip(many, sends, outside.chain.sent, strict=True):
        assert delay_ms == 400 * undisturbed.landing(0, order.request).slots + 2_000 * (sent - 1)
    assert max(sends) > 1
    assert min(sends) == 1
    # It is the same transaction however often it is sent.
    assert [order.order_id for order, _ in outside.chain.sent] == [order.order_id for order in many]


def test_a_signature_is_of_the_transaction_that_was_built(outside: Outside) -> None:
    lambda_handler(read_event("submit_order"), None)

    signatures = [step.order.tx_hash for step in outside.orders.transitions]
    assert signatures == [sign(make_order(Status.BUILDING)), sign(make_order(Status.BUILDING, BACK, order_id=OTHER_ID))]


def test_nothing_is_sent_that_is_not_on_record(outside: Outside) -> None:
    outside.orders.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError):
        lambda_handler(read_event("submit_order"), None)

    assert outside.chain.sent == []


def test_what_was_recorded_before_a_crash_is_sent_when_its_message_comes_again(outside: Outside) -> None:
    outside.chain.error = redis.ConnectionError("gone")
    with pytest.raises(RetryableError):
        lambda_handler(read_event("submit_order"), None)
    recorded = [step.order for step in outside.orders.transitions]

    outside.chain.error = None
    outside.now_ms = NOW_MS + 5_000
    response = lambda_handler(read_event("submit_order"), None)

    assert response == {"batchItemFailures": []}
    assert [step.order for step in outside.orders.transitions] == recorded
    assert [(order.order_id, order.tx_hash) for order, _ in outside.chain.sent] == [
        (order.order_id, order.tx_hash) for order in recorded
    ]


def test_the_order_of_a_transaction_that_has_its_result_already_is_notified(outside: Outside) -> None:
    # The dead letters gave it up, and died before they could fail its order.
    given_up = make_order(Status.SUBMITTED)
    outside.orders.known[ORDER_ID] = (given_up, [])
    outside.venue.abandon(given_up.signature, "Gave up")

    send([make_order(Status.SUBMITTED, BACK, order_id=OTHER_ID)], [given_up])

    assert outside.orders.scheduled == [("confirm", given_up, 0)]


def test_nobody_acts_on_a_result_that_the_replicas_lack(outside: Outside) -> None:
    # Executed while sending it waited for the replicas, and sent again: a failover may take the block back.
    executed = make_order(Status.SUBMITTED)
    outside.orders.known[ORDER_ID] = (executed, [])
    [outside.chain.executions[executed.signature]] = land([executed]).executions
    outside.replication.lacking = [transaction_executed(executed.signature)]

    with pytest.raises(RetryableError, match="^0 of 1 replicas"):
        send([], [executed])

    assert outside.orders.scheduled == []


def test_an_order_that_failed_instead_is_not_sent(outside: Outside) -> None:
    send([make_order(Status.FAILED), make_order(Status.SUBMITTED, BACK, order_id=OTHER_ID)], [])

    assert [order.order_id for order, _ in outside.chain.sent] == [OTHER_ID]


def test_an_order_that_the_dead_letters_failed_meanwhile_is_not_sent(outside: Outside) -> None:
    signed, failed = make_order(Status.SUBMITTED), make_order(Status.FAILED)
    outside.orders.known[ORDER_ID] = (failed, [])

    send([], [signed])

    assert outside.chain.sent == []


def test_an_order_that_can_not_be_signed_is_not_sent(outside: Outside) -> None:
    event = order_records("submit", make_order(Status.ROUTING), make_order(Status.BUILDING, order_id=OTHER_ID))

    response = lambda_handler(event, None)

    (failure,) = response["batchItemFailures"]
    assert failure == {
        "itemIdentifier": message_ids(event)[0],
        "error": f"ValueError: order {ORDER_ID} is routing and has no transaction yet",
    }
    assert [order.order_id for order, _ in outside.chain.sent] == [OTHER_ID]


def test_nothing_is_sent_before_the_replicas_have_its_signature(outside: Outside) -> None:
    outside.replication.error = RetryableError("0 of 1 replicas have what was written to p0")

    with pytest.raises(RetryableError, match="^0 of 1 replicas"):
        lambda_handler(read_event("submit_order"), None)
    sent_before = list(outside.chain.sent)
    outside.replication.error = None
    lambda_handler(read_event("submit_order"), None)

    submitted = [step.order for step in outside.orders.transitions]
    assert sent_before == []
    assert [order for order, _ in outside.chain.sent] == submitted
    assert outside.replication.waited == [
        *(transition_written(order, outside.orders.partitions) for order in submitted),
        *(transaction_sent(order.signature) for order in submitted),
    ]
