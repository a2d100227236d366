"""produce_block: landed transactions become a block, and their orders are notified."""

import pytest
import redis

from functions.produce_block.handler import lambda_handler
from orderflow.adapters.reports import ENGINE, MARKET
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.batch import StreamEvent
from orderflow.venues.mock.background import advance
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.keys import CHAIN
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import VENUES
from tests.support.builders import (
    NOW_MS,
    OTHER_ID,
    make_order,
    make_request,
    market_state,
    nth_id,
    order_records,
    read_event,
    records,
)
from tests.support.fakes.outside import Outside

FIRST = make_order(Status.SUBMITTED)
SECOND = make_order(Status.SUBMITTED, make_request("USDC", "SOL", "250.75", slippage_bps=100), order_id=OTHER_ID)
LATENCY = Latency(seed=1, speed=1)


def landing_slot(order: Order) -> int:
    return LATENCY.landing_slot(order.chosen_route.slot, order.request, VENUES)


def heartbeats(count: int = 1) -> StreamEvent:
    return records("transactions", [{"attempt": "1", "order": HEARTBEAT}] * count, partition=CHAIN)


def blocks_of(orders: list[Order], state: MarketState | None = None) -> Blocks:
    return produce(1, state or market_state(), orders, landing_slot, NOW_MS)


def test_landed_transactions_are_executed_at_their_slots_on_top_of_the_chain(outside: Outside) -> None:
    response = lambda_handler(read_event("produce_block"), None)

    assert response == {"batchItemFailures": []}
    assert outside.chain.blocks == [blocks_of([FIRST, SECOND])]
    assert outside.chain.latest.slot == max(landing_slot(FIRST), landing_slot(SECOND)) > 0
    assert outside.orders.transitions == []


def test_every_order_is_notified_when_the_block_is_confirmed(outside: Outside) -> None:
    lambda_handler(read_event("produce_block"), None)

    assert outside.orders.scheduled == [("confirm", FIRST, 800), ("confirm", SECOND, 800)]


def test_blocks_stand_on_each_other(outside: Outside) -> None:
    third = make_order(Status.SUBMITTED, order_id=nth_id(3))

    lambda_handler(read_event("produce_block"), None)
    lambda_handler(order_records("transactions", third), None)

    before, after = outside.chain.blocks
    assert after == blocks_of([third], before.after)
    # What lands late lands in the latest slot: the chain does not go back.
    assert after.after.slot == max(before.after.slot, landing_slot(third))


def test_a_transaction_that_has_its_result_is_not_executed_again_but_notified_again(outside: Outside) -> None:
    lambda_handler(read_event("produce_block"), None)
    state = outside.chain.latest

    response = lambda_handler(read_event("produce_block"), None)

    assert response == {"batchItemFailures": []}
    assert len(outside.chain.blocks) == 1
    assert outside.chain.latest is state
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [FIRST.order_id, OTHER_ID] * 2


def test_of_two_producers_of_one_block_the_later_tries_again_and_finds_the_others_results(outside: Outside) -> None:
    outside.chain.rivals = 1

    with pytest.raises(RetryableError, match="^block 1 was produced by another, or came too late$"):
        lambda_handler(read_event("produce_block"), None)
    nothing_scheduled = list(outside.orders.scheduled)
    response = lambda_handler(read_event("produce_block"), None)

    assert nothing_scheduled == []
    assert response == {"batchItemFailures": []}
    assert outside.chain.blocks == [blocks_of([FIRST, SECOND])]


def test_a_transaction_that_fails_has_a_result_too(outside: Outside) -> None:
    outside.chain.time_ms = FIRST.built_transaction.expires_at_ms + 1

    lambda_handler(read_event("produce_block"), None)

    ((first, second),) = [block.executions for block in outside.chain.blocks]
    assert first.error == second.error == "Transaction expired: block height exceeded"
    assert len(outside.orders.scheduled) == 2


def test_orders_are_not_notified_of_a_block_that_may_not_have_been_committed(outside: Outside) -> None:
    outside.chain.error = redis.TimeoutError("no answer")

    with pytest.raises(RetryableError):
        lambda_handler(read_event("produce_block"), None)

    assert outside.orders.scheduled == []


def test_orders_are_not_notified_of_a_block_that_a_failover_may_take_back(outside: Outside) -> None:
    outside.replication.error = RetryableError("0 of 1 replicas have what was written to chain")

    with pytest.raises(RetryableError, match="^0 of 1 replicas"):
        lambda_handler(read_event("produce_block"), None)

    assert outside.orders.scheduled == []


def test_orders_that_could_not_be_notified_are_notified_when_the_batch_comes_again(outside: Outside) -> None:
    outside.orders.error = redis.ConnectionError("gone")
    with pytest.raises(RetryableError):
        lambda_handler(read_event("produce_block"), None)

    outside.orders.error = None
    lambda_handler(read_event("produce_block"), None)

    assert len(outside.chain.blocks) == 1
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [FIRST.order_id, OTHER_ID]


@pytest.mark.parametrize("poison", [{"order": "{"}, {"order": "{}"}, {}])
def test_a_poisoned_record_is_reported_alone(outside: Outside, poison: dict[str, str]) -> None:
    event = read_event("produce_block")
    event["Records"].insert(0, event["Records"][0] | {"messageId": "7-7", "data": poison})

    response = lambda_handler(event, None)

    assert [failure["itemIdentifier"] for failure in response["batchItemFailures"]] == ["7-7"]
    assert outside.chain.blocks == [blocks_of([FIRST, SECOND])]


def test_a_signature_that_a_batch_holds_twice_executes_once(outside: Outside) -> None:
    lambda_handler(order_records("transactions", FIRST, FIRST), None)

    ((execution,),) = [block.executions for block in outside.chain.blocks]
    assert execution.signature == FIRST.signature
    assert [order.order_id for _, order, _ in outside.orders.scheduled] == [FIRST.order_id]


def test_a_transaction_that_the_chain_does_not_know_is_left_alone(outside: Outside) -> None:
    outside.chain.unknown = {FIRST.signature}

    response = lambda_handler(read_event("produce_block"), None)

    assert response == {"batchItemFailures": []}
    assert [each.signature for block in outside.chain.blocks for each in block.executions] == [SECOND.signature]
    assert [order for _, order, _ in outside.orders.scheduled] == [SECOND]


def test_at_speed_zero_orders_are_notified_at_once(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=0)

    lambda_handler(read_event("produce_block"), None)

    assert [delay_ms for _, _, delay_ms in outside.orders.scheduled] == [0, 0]


def test_a_batch_without_transactions_makes_no_block(outside: Outside) -> None:
    assert lambda_handler({"Records": []}, None) == {"batchItemFailures": []}
    assert outside.chain.blocks == []


def test_a_heartbeat_makes_the_next_slot_and_no_order_is_notified(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True

    response = lambda_handler(heartbeats(), None)

    assert response == {"batchItemFailures": []}
    around = advance(1, 0, 1, market_state().fair, market_state().pools)
    assert outside.chain.latest == MarketState(1, around.fair, market_state().pools | around.changed)
    assert outside.chain.beats == [True]
    assert [tick.slot for tick in outside.chain.ticks] == [1]
    assert outside.chain.ticks == [outside.venue.prices()]
    assert outside.orders.scheduled == []


def test_heartbeats_that_come_together_make_one_slot(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True

    lambda_handler(heartbeats(3), None)

    assert outside.chain.latest.slot == 1
    assert len(outside.chain.blocks) == 1


def test_a_heartbeat_among_transactions_makes_no_block_of_its_own(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True
    event = read_event("produce_block")
    event["Records"].insert(1, heartbeats()["Records"][0] | {"messageId": "7-7"})

    response = lambda_handler(event, None)

    assert response == {"batchItemFailures": []}
    assert outside.chain.blocks == [blocks_of([FIRST, SECOND])]
    assert outside.chain.beats == [True]
    assert [order for _, order, _ in outside.orders.scheduled] == [FIRST, SECOND]


def test_a_heartbeat_is_a_slot_even_where_transactions_land_in_the_latest(outside: Outside) -> None:
    lambda_handler(order_records("transactions", FIRST), None)
    reached = outside.chain.latest.slot
    outside.venue.keep_time()
    outside.books.rests = True
    late = make_order(Status.SUBMITTED, order_id=nth_id(3))
    event = order_records("transactions", late)
    event["Records"] += heartbeats()["Records"]

    lambda_handler(event, None)

    assert outside.chain.latest.slot == max(reached + 1, landing_slot(late))
    assert len(outside.chain.blocks) == 2


def test_when_nothing_rests_the_heartbeat_stops_the_clock_and_makes_no_slot(outside: Outside) -> None:
    outside.venue.keep_time()

    lambda_handler(heartbeats(), None)

    assert not outside.chain.clock.runs
    assert outside.chain.blocks == []


@pytest.mark.parametrize(("channel", "runs"), [(MARKET, True), (ENGINE, False)])
def test_the_clock_runs_as_long_as_somebody_follows_the_market(outside: Outside, channel: str, runs: bool) -> None:
    outside.venue.keep_time()
    outside.reports.followers[channel] = {"one=": 0}

    lambda_handler(heartbeats(), None)

    assert outside.chain.clock.runs == runs
    assert outside.chain.latest.slot == int(runs)


def test_while_an_order_rests_it_is_not_asked_who_follows(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True
    outside.reports.error = redis.ConnectionError("not to be asked")

    lambda_handler(heartbeats(), None)

    assert outside.chain.latest.slot == 1


def test_transactions_land_also_with_the_heartbeat_that_stops_the_clock(outside: Outside) -> None:
    outside.venue.keep_time()
    event = read_event("produce_block")
    event["Records"] += heartbeats()["Records"]

    lambda_handler(event, None)

    assert outside.chain.blocks == [blocks_of([FIRST, SECOND])]
    assert outside.chain.beats == [False]


def test_what_comes_to_rest_while_nothing_is_found_resting_keeps_the_clock_running(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.venue.keep_time()

    def rests_too_late() -> bool:
        outside.venue.keep_time()
        return False

    monkeypatch.setattr(outside.books, "something_rests", rests_too_late)

    lambda_handler(heartbeats(), None)

    assert outside.chain.clock.runs
    assert outside.chain.latest.slot == 1


def test_a_heartbeat_that_is_to_make_no_slot_makes_none(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True
    outside.chain.clock.makes_slots = False

    assert lambda_handler(heartbeats(), None) == {"batchItemFailures": []}

    assert outside.chain.blocks == []
    assert outside.chain.clock.runs


def test_a_heartbeat_whose_block_another_made_comes_again(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.rests = True
    outside.chain.rivals = 1

    with pytest.raises(RetryableError):
        lambda_handler(heartbeats(), None)

    lambda_handler(heartbeats(), None)
    assert outside.chain.latest.slot == 1


def test_without_a_heartbeat_the_books_are_not_looked_at(outside: Outside) -> None:
    outside.books.error = redis.ConnectionError("not to be asked")

    assert lambda_handler(read_event("produce_block"), None) == {"batchItemFailures": []}


def test_a_heartbeat_waits_while_the_books_can_not_be_read(outside: Outside) -> None:
    outside.venue.keep_time()
    outside.books.error = redis.ConnectionError("gone")

    with pytest.raises(RetryableError):
        lambda_handler(heartbeats(), None)

    assert outside.chain.clock.runs
    assert outside.chain.blocks == []
