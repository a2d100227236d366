"""The mock chain on a real Redis: a signature executes once, a state is followed once, atoms are conserved."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import redis

from orderflow.domain.order import Order
from orderflow.domain.pools import Dlmm, Pool
from orderflow.venues.mock.background import opening_prices
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.chain_store import KEEP_RESULT_MS, KEEP_UNFORGOTTEN_MS, ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.quotes import Quotes
from orderflow.venues.mock.universe import VENUES, opening_pools
from tests.support.builders import vault
from tests.support.order_steps import NOW_MS, a_request, pending, submitted
from tests.support.redis_servers import on_single_and_cluster

pytestmark = on_single_and_cluster

LATENCY = Latency(seed=1, speed=0)


@pytest.fixture
def venue(client: redis.Redis) -> ChainStore:
    return ChainStore(client, seed=1)


def an_order(token_in: str = "SOL", amount_in: int = 10**9, *, state: MarketState | None = None) -> Order:
    token_out = "USDC" if token_in == "SOL" else "SOL"
    return submitted(pending(request=a_request(token_in, token_out, amount_in)), state)


def sent(venue: ChainStore, *orders: Order) -> Order:
    """Have the chain accept orders' transactions; return the first."""
    venue.send([(order, 0) for order in orders])
    return orders[0]


def landing_slot(order: Order) -> int:
    return LATENCY.landing_slot(order.chosen_route.slot, order.request, VENUES)


def blocks_on(state: MarketState, *orders: Order, lands: Callable[[Order], int] = landing_slot) -> Blocks:
    return produce(1, state, orders, lands, NOW_MS)


def held(pools: Mapping[str, Pool]) -> Counter[tuple[str, str]]:
    places = [(pool, token) for pool in pools.values() for token in (pool.token_a, pool.token_b)]
    return Counter({(pool.pool, token): vault(pool, token) for pool, token in places})


def test_the_market_opens_once_however_many_ask(venue: ChainStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        states = list(threads.map(lambda _: venue.state(), range(8)))

    opening = {pool.pool: pool for pool in opening_pools(1)}
    assert states == [(0, MarketState(0, opening_prices(), opening))] * 8
    assert venue.opening() == opening
    assert venue.flows() == {}
    assert list(states[0][1].pools) == sorted(opening)


def test_a_signature_sent_again_is_not_queued_again(client: redis.Redis, venue: ChainStore) -> None:
    order = an_order()

    venue.send([(order, 0)])
    venue.send([(order, 0), (order, 60_000)])

    assert client.xlen("{chain}:transactions") == 1
    assert client.zcard("{chain}:timers") == 0
    assert venue.results([order.signature]) == [None]


def test_a_transaction_lands_after_its_delay_and_has_no_result_before(client: redis.Redis, venue: ChainStore) -> None:
    order = an_order()

    assert venue.send([(order, 60_000)]) == venue.send([(order, 60_000)]) == []

    assert client.xlen("{chain}:transactions") == 0
    assert client.zcard("{chain}:timers") == 1


def test_what_is_committed_is_what_the_next_reads(client: redis.Redis, venue: ChainStore) -> None:
    number, state = venue.state()
    blocks = blocks_on(state, sent(venue, an_order(amount_in=5 * 10**12)), lands=lambda _: 200)

    assert venue.commit(number, blocks)

    # By another process: whatever this one remembers of decoded pools, floats and integers come back the same.
    assert ChainStore(client, seed=1).state() == venue.state() == (1, blocks.after)
    assert any(isinstance(pool, Dlmm) for pool in blocks.changed_pools)
    assert venue.flows() == {
        (place.partition("|")[0], place.partition("|")[2]): atoms for place, atoms in blocks.flows.items()
    }
    assert venue.opening() == {pool.pool: pool for pool in opening_pools(1)}


def test_the_market_that_is_quoted_from_is_the_latest(venue: ChainStore) -> None:
    number, state = venue.state()
    blocks = blocks_on(state, sent(venue, an_order()), lands=lambda _: 17)
    venue.commit(number, blocks)

    assert venue.slot() == 17
    assert venue.state()[1].all_pools == blocks.after.pools


def test_a_pool_that_no_block_changed_stays_the_very_same_object(venue: ChainStore) -> None:
    number, before = venue.state()
    blocks = blocks_on(before, sent(venue, an_order()), lands=lambda _: 0)
    venue.commit(number, blocks)

    _, after = venue.state()

    changed = {pool.pool for pool in blocks.changed_pools}
    assert 0 < len(changed) < len(before.pools)
    assert {address for address in before.pools if after.pools[address] is not before.pools[address]} == changed


@pytest.mark.parametrize("slot", [0, 25])
def test_of_two_producers_on_one_state_one_wins_and_the_others_changes_nothing(venue: ChainStore, slot: int) -> None:
    # At slot 0 the slot stays what it was, and yet the pools have changed.
    orders = [an_order(), an_order()]
    sent(venue, *orders)
    number, state = venue.state()
    first, second = (blocks_on(state, order, lands=lambda _: slot) for order in orders)

    outcomes = [venue.commit(number, first), venue.commit(number, second)]

    assert outcomes == [True, False]
    assert venue.state() == (1, first.after)
    assert venue.results([order.signature for order in orders]) == [first.executions[0], None]
    # The loser tries again, on the winner's state.
    number, state = venue.state()
    again = blocks_on(state, orders[1], lands=lambda _: slot)
    assert venue.commit(number, again)
    assert venue.results([orders[1].signature]) == [again.executions[0]]


def test_on_a_state_that_a_failover_has_taken_back_nothing_is_put(venue: ChainStore) -> None:
    order = sent(venue, an_order())
    number, state = venue.state()

    assert not venue.commit(number + 1, blocks_on(state, order))

    assert venue.results([order.signature]) == [None]
    assert venue.state() == (number, state)


def test_of_many_producers_at_once_one_wins(client: redis.Redis) -> None:
    orders = [an_order() for _ in range(8)]
    venues = [ChainStore(client, seed=1) for _ in orders]
    sent(venues[0], *orders)
    number, state = venues[0].state()
    blocks = [blocks_on(state, order) for order in orders]

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda venue, each: venue.commit(number, each), venues, blocks))

    results = venues[0].results([order.signature for order in orders])
    assert sum(outcomes) == 1
    assert [result is not None for result in results] == outcomes
    assert venues[0].state() == (1, blocks[outcomes.index(True)].after)


def test_what_traders_and_others_paid_and_got_is_what_the_vaults_changed_by(venue: ChainStore) -> None:
    random = Random(7)
    orders: list[Order] = []
    for _ in range(12):
        number, state = venue.state()
        batch = [
            an_order(token_in, random.choice([1, 5_000]) * unit, state=state)
            for token_in, unit in random.choices([("SOL", 10**9), ("USDC", 10**8)], k=4)
        ]
        sent(venue, *batch)
        # A rival computed the same blocks and comes too late; what it paid must not count.
        mine, rival = blocks_on(state, *batch), blocks_on(state, *batch[:2])
        assert venue.commit(number, mine)
        assert not venue.commit(number, rival)
        orders += batch

    paid = Counter(venue.flows())
    results = venue.results([order.signature for order in orders])
    for result in results:
        assert result is not None
        for fill in result.fills:
            paid[fill.pool, fill.token_in] += fill.amount_in
            paid[fill.pool, fill.token_out] -= fill.amount_out
    opening, now = held(venue.opening()), held(venue.state()[1].pools)
    assert {place: now[place] - opening[place] for place in now} == {place: paid[place] for place in now}
    assert sum(bool(result and result.fills) for result in results) > 30
    assert venue.flows()


def test_what_providers_pay_in_and_take_out_is_kept_beside_the_pools(venue: ChainStore) -> None:
    number, state = venue.state()
    order = an_order()
    sent(venue, order)

    assert venue.commit(number, blocks_on(state, order, lands=lambda _: 6_000))

    opening, now, paid = venue.opening(), venue.state()[1].pools, Counter(venue.flows())
    [result] = venue.results([order.signature])
    assert result is not None
    for fill in result.fills:
        paid[fill.pool, fill.token_in] += fill.amount_in
        paid[fill.pool, fill.token_out] -= fill.amount_out
    before, after = held(opening), held(now)
    assert {place: after[place] - before[place] for place in after} == {place: paid[place] for place in after}
    lowest = [
        {each.pool: each.lowest_id for each in pools.values() if isinstance(each, Dlmm)} for pools in (opening, now)
    ]
    assert sum(lowest[0][address] != lowest[1][address] for address in lowest[0]) > 5


def test_routes_follow_the_chain(venue: ChainStore) -> None:
    quotes, request = Quotes(venue, LATENCY), a_request(amount_in=10**12)
    [before] = quotes.quote([request], indicative=False)

    number, state = venue.state()
    venue.commit(number, blocks_on(state, sent(venue, an_order(amount_in=5 * 10**12)), lands=lambda _: 60))
    [after] = quotes.quote([request], indicative=False)

    [fresh] = Quotes(venue, LATENCY).quote([request], indicative=False)
    assert not isinstance(before, Exception)
    assert not isinstance(after, Exception)
    assert after == fresh
    assert (before.route.slot, after.route.slot) == (0, 60)
    assert after.route.expected_out != before.route.expected_out


def test_a_result_is_kept_until_its_order_has_ended(client: redis.Redis, venue: ChainStore) -> None:
    order = an_order()
    venue.send([(order, 0)])
    [key] = client.scan_iter("{chain}:tx:*")
    kept_before = client.pttl(key)

    valid_until_ms = venue.now_ms() + 60_000
    venue.forget([(order.signature, valid_until_ms)])

    assert kept_before == -1
    assert client.pexpiretime(key) == valid_until_ms + KEEP_RESULT_MS


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_a_result_that_nobody_forgets_goes_after_a_month(
    client: redis.Redis, venue: ChainStore, *, is_abandoned: bool
) -> None:
    order = sent(venue, an_order())
    number, state = venue.state()

    if is_abandoned:
        venue.abandon(order.signature, "Gave up")
    else:
        assert venue.commit(number, blocks_on(state, order))

    [key] = client.scan_iter("{chain}:tx:*")
    assert KEEP_UNFORGOTTEN_MS - 60_000 < client.pttl(key) <= KEEP_UNFORGOTTEN_MS


def test_a_result_of_an_order_that_ended_late_is_kept_for_a_while_too(client: redis.Redis, venue: ChainStore) -> None:
    order = an_order()
    venue.send([(order, 0)])
    [key] = client.scan_iter("{chain}:tx:*")

    venue.forget([(order.signature, venue.now_ms() - 3_600_000)])

    assert KEEP_RESULT_MS - 10_000 < client.pttl(key) <= KEEP_RESULT_MS


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_abandoned_before_it_landed_never_will_land(venue: ChainStore, place: int) -> None:
    orders = [an_order(), an_order()]
    abandoned, lands = orders[place], orders[1 - place]
    sent(venue, *orders)
    number, state = venue.state()
    computed_before = blocks_on(state, *orders)

    result = venue.abandon(abandoned.signature, "Gave up")

    assert result.error == "Gave up"
    assert not venue.commit(number, computed_before)
    assert venue.arrived([lands, abandoned]) == ([lands], [abandoned])
    assert venue.commit(number, blocks_on(state, lands))
    assert venue.results([abandoned.signature]) == [result]


def test_what_was_abandoned_before_it_was_sent_is_not_accepted_any_more(client: redis.Redis, venue: ChainStore) -> None:
    order = an_order()
    venue.abandon(order.signature, "Gave up")

    known = venue.send([(order, 0)])

    assert known == [order]
    assert client.xlen("{chain}:transactions") == 0


def test_what_has_landed_can_not_be_abandoned(venue: ChainStore) -> None:
    order = an_order()
    sent(venue, order)
    number, state = venue.state()
    blocks = blocks_on(state, order)
    venue.commit(number, blocks)

    result = venue.abandon(order.signature, "Gave up")

    assert result == blocks.executions[0]
    assert venue.results([order.signature]) == [result]


def test_what_the_chain_does_not_know_is_neither_executed_nor_reported(venue: ChainStore) -> None:
    known, unknown = an_order(), an_order()
    sent(venue, known)

    assert venue.arrived([unknown, known, known]) == ([known], [])
