"""The chain's clock on a real Redis: one heartbeat that makes slots at even times, a tick for every block, no loss."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import msgspec
import pytest
import redis

from orderflow.adapters.books import Books
from orderflow.adapters.replication import Replication
from orderflow.adapters.streams import Streams
from orderflow.domain.order import Order
from orderflow.domain.ticks import Tick
from orderflow.venues.mock.background import opening_prices
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.chain_clock import HEARTBEAT, MOST_UNREAD_TICKS, ChainClock
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS
from tests.support.order_steps import a_request, pending, submitted
from tests.support.redis_servers import entries_of, on_single_and_cluster
from tests.support.turns import promote

pytestmark = on_single_and_cluster

BEAT_MS = 10_000
"""So long that no test is slow enough to meet the next beat."""

SLOT, TIMERS, TICKS, TRANSACTIONS = "{chain}:slot", "{chain}:timers", "{chain}:ticks", "{chain}:transactions"
MEMBER = f"transactions 1 {HEARTBEAT}"


@pytest.fixture
def chain(client: redis.Redis) -> ChainStore:
    return ChainStore(client, 1, BEAT_MS)


def now_ms(client: redis.Redis) -> int:
    return ChainStore(client).now_ms()


def last_beat_was(client: redis.Redis, ms_ago: int) -> int:
    """Have the last beat have been then; return when that was."""
    at = now_ms(client) - ms_ago
    client.hset(SLOT, "beat", at)
    return at


def next_slot(chain: ChainStore, *orders: Order) -> tuple[int, Blocks]:
    """Return the block after the latest one, in which a slot passes, and on which commit it stands."""
    block, state = chain.state()
    return block, produce(1, state, orders, lambda _: 0, NOW_MS, least_slots=1)


def ticks_of(client: redis.Redis) -> list[Tick]:
    return [msgspec.json.decode(fields["tick"], type=Tick) for _, fields in entries_of(client, TICKS)]


def commit_slot(chain: ChainStore, *, beat: bool = True) -> None:
    block, blocks = next_slot(chain)
    assert chain.commit(block, blocks, beat=beat)


def test_nothing_beats_and_no_tick_is_written_before_somebody_asks_for_it(
    client: redis.Redis, chain: ChainStore
) -> None:
    commit_slot(chain)

    assert client.exists(TIMERS, TICKS) == 0
    assert chain.clock.beat() == (0, False)


def test_the_first_heartbeat_comes_an_interval_later(client: redis.Redis, chain: ChainStore) -> None:
    before = now_ms(client)

    chain.clock.keep_time()

    due = client.zscore(TIMERS, MEMBER)
    assert due
    assert before + BEAT_MS <= due <= now_ms(client) + BEAT_MS
    assert client.zcard(TIMERS) == 1
    assert client.xlen("{chain}:wakes") == 1


def test_to_ask_again_changes_nothing_but_the_number_of_the_demand(client: redis.Redis, chain: ChainStore) -> None:
    assert chain.clock.keep_time() == 1
    client.zadd(TIMERS, {MEMBER: 77})

    assert chain.clock.keep_time() == 2

    assert client.zrange(TIMERS, 0, -1, withscores=True) == [(MEMBER, 77)]


def test_of_many_who_ask_at_once_one_heartbeat_comes(client: redis.Redis) -> None:
    clocks = [ChainClock(client, BEAT_MS) for _ in range(8)]

    with ThreadPoolExecutor(8) as threads:
        demands = list(threads.map(ChainClock.keep_time, clocks))

    assert sorted(demands) == list(range(1, 9))
    assert client.zcard(TIMERS) == 1


def test_every_block_has_its_tick_while_the_clock_runs(client: redis.Redis, chain: ChainStore) -> None:
    commit_slot(chain)
    chain.clock.keep_time()

    for _ in range(3):
        commit_slot(chain)

    ticks = ticks_of(client)
    assert [tick.slot for tick in ticks] == [2, 3, 4]
    assert ticks[-1] == chain.tick(chain.state()[1])
    assert len(ticks[-1].prices) == 132


def test_a_block_of_orders_has_its_tick_too(client: redis.Redis, chain: ChainStore) -> None:
    chain.clock.keep_time()
    order = submitted(pending(request=a_request("SOL", "USDC", 10**12)))
    chain.send([(order, 0)])
    block, state = chain.state()

    assert chain.commit(block, produce(1, state, [order], lambda _: 5, NOW_MS))

    [tick] = ticks_of(client)
    assert tick == chain.tick(chain.state()[1])
    assert tick.slot == 5


def test_a_block_that_was_computed_before_somebody_asked_has_its_tick_all_the_same(
    client: redis.Redis, chain: ChainStore
) -> None:
    block, blocks = next_slot(chain)
    ChainClock(client, BEAT_MS).keep_time()

    assert chain.commit(block, blocks)

    assert [tick.slot for tick in ticks_of(client)] == [1]


def test_a_block_that_comes_too_late_writes_no_tick(client: redis.Redis, chain: ChainStore) -> None:
    chain.clock.keep_time()
    block, blocks = next_slot(chain)
    commit_slot(ChainStore(client, 1, BEAT_MS))

    assert not chain.commit(block, blocks, beat=True)

    assert len(ticks_of(client)) == 1


def test_no_prices_are_computed_while_the_clock_stands(chain: ChainStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainStore, "tick", None)

    commit_slot(chain)
    commit_slot(chain)


def test_the_heartbeat_that_made_a_slot_comes_again_an_interval_after_it(
    client: redis.Redis, chain: ChainStore
) -> None:
    chain.clock.keep_time()
    client.delete(TIMERS)  # it was handed out
    before = now_ms(client)

    commit_slot(chain)

    beat = int(client.hget(SLOT, "beat") or 0)
    assert before <= beat <= now_ms(client)
    assert client.zrange(TIMERS, 0, -1, withscores=True) == [(MEMBER, beat + BEAT_MS)]


@pytest.mark.parametrize(("late_ms", "keeps_step"), [(0, True), (BEAT_MS // 2, True), (BEAT_MS, False)])
def test_a_beat_that_is_late_does_not_delay_those_after_it_but_what_was_missed_is_not_caught_up(
    client: redis.Redis, chain: ChainStore, late_ms: int, keeps_step: bool
) -> None:
    chain.clock.keep_time()
    last = last_beat_was(client, BEAT_MS + late_ms)

    commit_slot(chain)

    beat = int(client.hget(SLOT, "beat") or 0)
    assert beat == last + BEAT_MS if keeps_step else beat > last + 2 * BEAT_MS - 1
    assert client.zscore(TIMERS, MEMBER) == beat + BEAT_MS


def test_a_clock_that_was_set_back_goes_on_from_now(client: redis.Redis, chain: ChainStore) -> None:
    chain.clock.keep_time()
    last_beat_was(client, -3_600_000)

    assert chain.clock.beat().makes_slot
    commit_slot(chain)

    assert int(client.hget(SLOT, "beat") or 0) <= now_ms(client)


def test_a_block_of_orders_starts_a_clock_that_was_lost_and_moves_none_that_runs(
    client: redis.Redis, chain: ChainStore
) -> None:
    # As when its record became a dead letter.
    chain.clock.keep_time()
    client.delete(TIMERS)

    commit_slot(chain, beat=False)
    lost_was_found = client.zscore(TIMERS, MEMBER)
    client.zadd(TIMERS, {MEMBER: 77})
    commit_slot(chain, beat=False)

    assert lost_was_found is not None
    assert client.zscore(TIMERS, MEMBER) == 77
    assert client.hget(SLOT, "beat") is None


def test_who_asks_starts_a_clock_that_was_lost(client: redis.Redis, chain: ChainStore) -> None:
    chain.clock.keep_time()
    client.delete(TIMERS)

    chain.clock.keep_time()

    assert client.zscore(TIMERS, MEMBER) is not None


@pytest.mark.parametrize(("ms_ago", "makes_slot"), [(0, False), (BEAT_MS // 4, False), (BEAT_MS // 2, True)])
def test_a_second_heartbeat_makes_no_slot_beside_the_first(
    client: redis.Redis, chain: ChainStore, ms_ago: int, makes_slot: bool
) -> None:
    chain.clock.keep_time()
    client.delete(TIMERS)
    last = last_beat_was(client, ms_ago)

    beat = chain.clock.beat()

    assert beat == (1, makes_slot)
    assert client.hget(SLOT, "beat") == str(last)
    # One that makes none is followed by the next; one that does is so by its block.
    assert client.zcard(TIMERS) == (0 if makes_slot else 1)


def test_two_heartbeats_become_one_again(client: redis.Redis, chain: ChainStore) -> None:
    # One is worked on while somebody asks, who finds none in the timers.
    chain.clock.keep_time()
    client.delete(TIMERS)
    chain.clock.keep_time()

    commit_slot(chain)
    client.delete(TIMERS)  # the other one is handed out
    assert not chain.clock.beat().makes_slot

    assert client.zcard(TIMERS) == 1
    assert chain.state()[1].slot == 1


@pytest.mark.parametrize(("unread", "makes_slot"), [(MOST_UNREAD_TICKS, True), (MOST_UNREAD_TICKS + 1, False)])
def test_while_many_ticks_are_unread_no_slot_is_made_and_the_heartbeat_goes_on(
    client: redis.Redis, chain: ChainStore, unread: int, makes_slot: bool
) -> None:
    chain.clock.keep_time()
    client.delete(TIMERS)
    pipeline = client.pipeline(transaction=False)
    for _ in range(unread):
        pipeline.xadd(TICKS, {"tick": "{}"})
    pipeline.execute()

    assert chain.clock.beat().makes_slot == makes_slot

    assert client.zcard(TIMERS) == (0 if makes_slot else 1)


def test_the_clock_stops_with_its_ticks(client: redis.Redis, chain: ChainStore) -> None:
    demand = chain.clock.keep_time()

    assert chain.clock.stop(demand)

    assert client.zcard(TIMERS) == 0
    assert chain.clock.beat() == (demand, False)
    commit_slot(chain)
    assert client.exists(TICKS, TIMERS) == 0


def test_who_asked_after_nothing_was_found_to_rest_keeps_the_clock_running(
    client: redis.Redis, chain: ChainStore
) -> None:
    demand = chain.clock.keep_time()
    chain.clock.keep_time()

    assert not chain.clock.stop(demand)

    commit_slot(chain)
    assert client.zcard(TIMERS) == 1
    assert len(ticks_of(client)) == 1


def test_where_slots_come_by_hand_ticks_are_written_and_nothing_beats(client: redis.Redis) -> None:
    by_hand = ChainStore(client, 1, beat_ms=0)

    demand = by_hand.clock.keep_time()
    commit_slot(by_hand, beat=False)

    assert client.exists(TIMERS) == 0
    assert len(ticks_of(client)) == 1
    assert by_hand.clock.beat() == (demand, False)
    assert client.exists(TIMERS) == 0
    assert by_hand.clock.stop(demand)


def test_a_heartbeat_is_promoted_as_a_record_of_the_transactions(client: redis.Redis, chain: ChainStore) -> None:
    chain.clock.keep_time()
    client.zadd(TIMERS, {MEMBER: 0})

    promote(Streams(client, "chain"), ["transactions"])

    assert [fields for _, fields in entries_of(client, TRANSACTIONS)] == [{"attempt": "1", "order": HEARTBEAT}]
    assert client.zcard(TIMERS) == 0


def test_slots_of_the_clock_are_the_slots_of_the_seed(client: redis.Redis, chain: ChainStore) -> None:
    _, opening = chain.state()
    chain.clock.keep_time()
    for _ in range(40):
        commit_slot(chain)

    assert chain.state()[1] == produce(1, opening, [], lambda _: 0, NOW_MS, least_slots=40).after
    assert all(later.slot == tick.slot + 1 for tick, later in pairwise(ticks_of(client)))


def test_something_rests_while_any_partition_has_an_order_that_rests(client: redis.Redis) -> None:
    books = Books(client, 3)
    assert not books.something_rests()

    client.zadd("{p1}:resting", {"an order": 7})
    assert books.something_rests()

    client.zrem("{p1}:resting", "an order")
    assert not books.something_rests()


def test_the_venues_clock_stops_when_nothing_rests(client: redis.Redis, chain: ChainStore) -> None:
    venue = MockVenue(chain, Latency(seed=1, speed=1), Replication(client, min_replicas=0))
    books = Books(client, 3)
    client.zadd("{p0}:resting", {"an order": 7})
    venue.keep_time()

    assert venue.beat(books.something_rests)
    venue.produce_blocks([], beat=True)
    client.delete("{p0}:resting")
    last_beat_was(client, BEAT_MS)
    assert not venue.beat(books.something_rests)

    assert client.zcard(TIMERS) == 0
    assert [tick.slot for tick in ticks_of(client)] == [1] == [venue.prices().slot]


def test_slots_by_hand_have_a_block_and_a_tick_each_and_stop_writing_when_nothing_rests(client: redis.Redis) -> None:
    chain = ChainStore(client, 1, beat_ms=0)
    venue = MockVenue(chain, Latency(seed=1, speed=1), Replication(client, min_replicas=0))
    books = Books(client, 3)
    client.zadd("{p0}:resting", {"an order": 7})
    venue.keep_time()

    assert venue.advance(5, books.something_rests) == 5
    client.delete("{p0}:resting")
    assert venue.advance(5, books.something_rests) == 10

    assert [tick.slot for tick in ticks_of(client)] == [1, 2, 3, 4, 5]
    assert client.hget(SLOT, "block") == "10"
    assert client.exists(TIMERS) == 0


def test_slots_by_hand_of_several_at_once_all_pass(client: redis.Redis) -> None:
    venues = [
        MockVenue(ChainStore(client), Latency(seed=1, speed=1), Replication(client, min_replicas=0)) for _ in range(3)
    ]

    with ThreadPoolExecutor(3) as threads:
        reached = list(threads.map(lambda venue: venue.advance(10, lambda: False), venues))

    assert max(reached) == 30
    _, state = venues[0].chain.state()
    opening = {pool.pool: pool for pool in sorted(venues[0].chain.opening().values(), key=lambda pool: pool.pool)}
    assert state == produce(1, MarketState(0, opening_prices(), opening), [], lambda _: 0, NOW_MS, least_slots=30).after


def test_a_script_sets_the_prices_of_its_slots(client: redis.Redis) -> None:
    chain = ChainStore(client)
    venue = MockVenue(
        chain, Latency(seed=1, speed=1), Replication(client, min_replicas=0), {2: {"SOL": 240.0, "USDT": 1.01}}
    )

    venue.advance(2, lambda: False)

    _, state = chain.state()
    assert (state.fair["SOL"], state.fair["USDT"]) == (240, 1.01)
    assert venue.prices().prices["SOL>USDC"].reference == pytest.approx(240, rel=0.003)
