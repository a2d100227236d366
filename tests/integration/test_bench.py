"""What the bench does to real servers: it makes them old, and asks what parts of an order cost alone."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor

import pg8000.native
import pytest
import redis

from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.order import Order, OrderRequest
from orderflow.runtime import order_ids
from orderflow.venues.mock.chain import produce
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.launches import launch_at, opening_pool
from tests.harness.bench import ageing
from tests.harness.bench.ageing import NotAtRestError, fill_ledger, keep_at_rest, used_memory, wait_until_at_rest
from tests.harness.bench.far_orders import fill
from tests.harness.bench.filled_redis import PARTITIONS, workers
from tests.harness.bench.floors import run_floors
from tests.harness.bench.limited import run_limited
from tests.harness.bench.mock_market import LaunchMarket, MarketHistory, let_the_market_live, move_sol
from tests.harness.bench.pool_replay import Fill
from tests.harness.bench.resting_costs import openings, slots
from tests.harness.bench.waiting_orders import move_and_follow
from tests.support.builders import NOW_MS, make_waiting_request
from tests.support.order_steps import pending, step_document, way_of


def test_a_ledger_is_filled_with_copies_of_a_confirmed_order(
    ledger: Ledger, database_url: str, ledger_connection: pg8000.native.Connection
) -> None:
    ledger.write([step_document(order) for order in way_of(pending())])

    fill_ledger(database_url, 50)

    [[orders]] = ledger_connection.run("SELECT count(*) FROM orders WHERE status = 'confirmed'")
    [[events, whole]] = ledger_connection.run(
        "SELECT count(*), count(*) FILTER (WHERE events = 5) FROM"
        " (SELECT count(*) AS events FROM order_events JOIN orders USING (order_id) GROUP BY order_id) AS counted"
    )
    [[fills]] = ledger_connection.run("SELECT count(DISTINCT order_id) FROM fills JOIN orders USING (order_id)")
    assert (orders, events, whole, fills) == (51, 51, 51, 51)


def test_whatever_rests_in_the_timers_rests_a_day_longer(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "AT_ONCE", 10)
    before = {f"message {number}": float(number) for number in range(25)}
    for partition in ("p0", "chain"):
        redis_client.zadd(key(partition, "timers"), before)

    keep_at_rest(redis_client, 2)

    for partition in ("p0", "chain"):
        after = {message: redis_client.zscore(key(partition, "timers"), message) for message in before}
        assert after == {message: due + ageing.REST_MS for message, due in before.items()}


def test_orders_that_do_not_come_to_rest_are_reported(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "AT_REST_WITHIN_S", 0.1)
    redis_client.zadd(key("p1", "timers"), {"a message": 1})

    assert wait_until_at_rest(redis_client, 2, 1) == 1
    with pytest.raises(NotAtRestError, match="of 9 orders only 1 rest"):
        wait_until_at_rest(redis_client, 2, 9)


def test_a_market_lives_for_as_many_slots_as_it_should(redis_client: redis.Redis, redis_url: str) -> None:
    chain = ChainStore(redis_client)
    _, before = chain.state()

    let_the_market_live(redis_url, 300)

    _, after = chain.state()
    assert after.slot == before.slot + 300
    assert after.fair != before.fair
    assert after.pools.keys() == before.pools.keys()
    assert after.pools != before.pools


def test_the_pool_of_a_launch_is_run_again_to_what_the_market_has(redis_client: redis.Redis) -> None:
    market, launch = LaunchMarket(redis_client, 25), launch_at(1, 0)
    assert market.coming() == [launch]
    chain = ChainStore(redis_client, launch_every=25)
    block, state = chain.state()
    assert chain.commit(block, produce(1, state, [], lambda order: 0, 0, least_slots=70, launch_every=25))

    replay, same = market.run_again(launch, [])
    not_paid, _ = market.run_again(launch, [phantom := Fill(launch.open_slot + 1, 1_000_000, 1)])

    assert market.slot() == 70
    assert [each.announced_slot for each in market.coming()] == [
        slot for slot in (25, 50) if launch_at(1, slot).open_slot > 70
    ]
    assert (replay.unexplained, same) == ((), True)
    assert replay.pool != opening_pool(launch)
    assert not_paid.unexplained == (phantom,)


def test_redis_says_what_it_uses(redis_client: redis.Redis, redis_url: str) -> None:
    before = used_memory(redis_url)
    redis_client.set("large", "x" * 1_000_000)

    assert used_memory(redis_url) - before >= 1_000_000


def test_every_part_of_an_order_is_measured_alone() -> None:
    floors = run_floors(rounds=2, requests=100)

    assert [floor.part.partition(":")[0] for floor in floors] == [
        "Redis",
        "Redis",
        "Redis",
        "Postgres",
        "HTTP",
        "WebSocket",
    ]
    assert all(floor.client_us > 0 for floor in floors)


def test_what_limits_cost_is_measured_and_how_an_account_fares_beside_one_beyond_its_own() -> None:
    limited = run_limited(calls=128, seconds=0.5, rounds=1)

    assert [each.at_once for each in limited.counted] == [1, 64]
    assert all(each.caller_us > 0 for each in limited.counted)
    alone, beyond, free = limited.beside
    assert [each.own for each in limited.beside] == [{202: 50}] * 3
    assert (alone.others, free.others) == ({}, {202: 250})
    assert beyond.others[202] + beyond.others[429] == 250
    assert beyond.others[429] > 0
    assert limited.ratio > 0


@pytest.fixture
def worker(redis_client: redis.Redis, redis_url: str) -> Iterator[Executor]:
    """A process that has the empty Redis as its own."""
    with workers(redis_url) as lent:
        yield lent


def test_a_redis_is_filled_with_orders_that_rest_and_nothing_else_waits(
    worker: Executor, redis_client: redis.Redis
) -> None:
    assert worker.submit(fill, 120, 1).result() == 120

    resting = [order_id for name in ("p0", "p1") for order_id in redis_client.zrange(key(name, "resting"), 0, -1)]
    hashes = list(redis_client.scan_iter("*:order:*"))
    assert len(resting) == len(hashes) == 120
    assert {redis_client.hget(str(name), "status") for name in hashes} == {"open"}
    assert [redis_client.xlen(key(name, stream)) for name in ("p0", "p1") for stream in ("open", "status")] == [0] * 4
    # The market's clock runs for them.
    assert redis_client.hget(key("chain", "slot"), "ticks") == "1"


def test_what_a_slot_an_opening_and_a_cancel_cost_is_measured_and_leaves_what_rests(
    worker: Executor, redis_client: redis.Redis
) -> None:
    worker.submit(fill, 20, 1).result()

    slot = worker.submit(slots, 2).result()
    opened, cancelled = worker.submit(openings, 30, 2).result()

    assert list(slot.parts) == ["produce_block", "trigger_orders", "redis"]
    assert list(opened.parts) == ["open_order, to rest", "open_order, to be looked at", "redis"]
    assert list(cancelled.parts) == ["cancel", "redis"]
    assert all(used > 0 for cost in (slot, opened, cancelled) for used in cost.parts.values())
    assert sum(redis_client.zcard(key(name, "resting")) for name in ("p0", "p1")) == 20


def test_an_order_that_left_redis_before_it_was_looked_up_counts_as_left_and_those_that_ended_do_not(
    worker: Executor, redis_client: redis.Redis
) -> None:
    worker.submit(fill, 0, 1).result()
    orders = Orders(redis_client, PARTITIONS)
    waiting = [Order.accept(order_ids.new(), make_waiting_request(), NOW_MS) for _ in range(4)]
    for step in (waiting, [order.open(0, NOW_MS) for order in waiting]):
        orders.apply([Transition(order) for order in step])
    orders.apply([Transition(order.open(0, NOW_MS).cancel(NOW_MS)) for order in waiting])
    gone = waiting[0].order_id
    redis_client.delete(order_key(partition_of(gone, PARTITIONS), gone))

    followed = worker.submit(move_and_follow, waiting).result()

    assert (followed.endings, followed.left) == (Counter(cancelled=3), 1)
    assert list(followed.seconds) == list(followed.slots) == ["half"]


def test_sol_is_moved_and_the_market_is_seen_block_by_block(redis_client: redis.Redis, redis_url: str) -> None:
    history = MarketHistory(redis_client)
    request = OrderRequest("SOL", "USDC", 10**9, "market", 500)
    first_slot = history.look()

    move_sol(redis_client, 1.1)
    assert history.look() == first_slot
    assert history.look() == first_slot
    let_the_market_live(redis_url, 1)
    move_sol(redis_client, 1.0)
    assert history.look() == first_slot + 1

    assert (len(history.seen), history.missed) == (3, 1)
    # Arbitrage follows the fair price in the next slot. It opens at 220.
    assert history.executable([request, request], [215 * 10**6, 235 * 10**6]) == [
        [True, False],
        [True, False],
        [True, True],
    ]
