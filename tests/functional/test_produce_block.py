"""produce_block: landed transactions become a block, and their owners are told."""

import pytest
import redis

from functions.produce_block.handler import lambda_handler
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.market.chain import produce
from orderflow.market.latency import Latency
from tests.builders import NOW_MS, OTHER_ID, make_order, make_request, market, nth_id, order_records, read_event
from tests.fakes import Outside

FIRST = make_order(Status.SUBMITTED)
SECOND = make_order(Status.SUBMITTED, make_request("USDC", "SOL", "250.75", slippage_bps=100), order_id=OTHER_ID)


def test_landed_transactions_are_executed_as_one_block_on_top_of_the_chain(outside: Outside) -> None:
    response = lambda_handler(read_event("produce_block"), None)

    assert response == {"batchItemFailures": []}
    assert outside.venue.blocks == [produce(1, [FIRST, SECOND], market(), NOW_MS)]
    assert outside.orders.transitions == []


def test_every_owner_is_told_when_the_block_is_confirmed(outside: Outside) -> None:
    lambda_handler(read_event("produce_block"), None)

    assert outside.orders.scheduled == [("confirm", FIRST, 800), ("confirm", SECOND, 800)]


def test_blocks_stand_on_each_other(outside: Outside) -> None:
    third = make_order(Status.SUBMITTED, order_id=nth_id(3))

    lambda_handler(read_event("produce_block"), None)
    lambda_handler(order_records("transactions", third), None)

    before, after = outside.venue.blocks
    assert (before.height, after.height) == (1, 2)
    assert after == produce(2, [third], market() | {pool.pool: pool for pool in before.changed_pools}, NOW_MS)


def test_a_transaction_that_has_its_result_is_not_executed_again_but_told_again(outside: Outside) -> None:
    lambda_handler(read_event("produce_block"), None)
    states = dict(outside.venue.states)

    response = lambda_handler(read_event("produce_block"), None)

    assert response == {"batchItemFailures": []}
    assert len(outside.venue.blocks) == 1
    assert outside.venue.states == states
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [FIRST.order_id, OTHER_ID] * 2


def test_of_two_producers_of_one_block_the_later_tries_again_and_finds_the_others_results(outside: Outside) -> None:
    outside.venue.rivals = 1

    with pytest.raises(RetryableError, match="^block 1 was produced by another$"):
        lambda_handler(read_event("produce_block"), None)
    nothing_told = list(outside.orders.scheduled)
    response = lambda_handler(read_event("produce_block"), None)

    assert nothing_told == []
    assert response == {"batchItemFailures": []}
    assert [block.height for block in outside.venue.blocks] == [1]


def test_a_transaction_that_fails_has_a_result_too(outside: Outside) -> None:
    outside.now_ms = FIRST.built_transaction.expires_at_ms + 1

    lambda_handler(read_event("produce_block"), None)

    ((first, second),) = [block.executions for block in outside.venue.blocks]
    assert first.error == second.error == "Transaction expired: block height exceeded"
    assert len(outside.orders.scheduled) == 2


def test_owners_are_not_told_of_a_block_that_may_not_have_been_committed(outside: Outside) -> None:
    outside.venue.error = redis.TimeoutError("no answer")

    with pytest.raises(RetryableError):
        lambda_handler(read_event("produce_block"), None)

    assert outside.orders.scheduled == []


def test_owners_that_could_not_be_told_are_told_when_the_batch_comes_again(outside: Outside) -> None:
    outside.orders.error = redis.ConnectionError("gone")
    with pytest.raises(RetryableError):
        lambda_handler(read_event("produce_block"), None)

    outside.orders.error = None
    lambda_handler(read_event("produce_block"), None)

    assert len(outside.venue.blocks) == 1
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [FIRST.order_id, OTHER_ID]


@pytest.mark.parametrize("poison", [{"order": "{"}, {"order": "{}"}, {}])
def test_a_poisoned_record_is_reported_alone(outside: Outside, poison: dict[str, str]) -> None:
    event = read_event("produce_block")
    event["Records"].insert(0, event["Records"][0] | {"messageId": "7-7", "data": poison})

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == ["7-7"]
    assert outside.venue.blocks == [produce(1, [FIRST, SECOND], market(), NOW_MS)]


def test_at_speed_zero_owners_are_told_at_once(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=0)

    lambda_handler(read_event("produce_block"), None)

    assert [delay_ms for _, _, delay_ms in outside.orders.scheduled] == [0, 0]


def test_a_batch_without_transactions_makes_no_block(outside: Outside) -> None:
    assert lambda_handler({"Records": []}, None) == {"batchItemFailures": []}
    assert outside.venue.blocks == []
