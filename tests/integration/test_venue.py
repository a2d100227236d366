"""The mock chain on a real Redis: a signature executes once, a block is committed once, atoms are conserved."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from orderflow.adapters.venue import MockVenue
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.pools import Pool
from orderflow.market.chain import produce
from orderflow.market.universe import opening_pools
from tests.integration.market import NOW_MS, pending, submitted


@pytest.fixture
def venue(client: redis.Redis) -> MockVenue:
    return MockVenue(client, seed=1)


def an_order(token_in: str = "SOL", amount_in: int = 1_000_000_000) -> Order:
    token_out = "USDC" if token_in == "SOL" else "SOL"
    return submitted(pending(request=OrderRequest(token_in, token_out, amount_in, "market", 500)))


def vaults(pools: dict[str, Pool]) -> Counter[tuple[str, str]]:
    held: Counter[tuple[str, str]] = Counter()
    for pool in pools.values():
        held[pool.pool, pool.token_a] += pool.reserve_a + pool.withheld_a
        held[pool.pool, pool.token_b] += pool.reserve_b + pool.withheld_b
    return held


def test_the_market_opens_once_however_many_ask(venue: MockVenue) -> None:
    addresses = [pool.pool for pool in opening_pools(1)]

    with ThreadPoolExecutor(8) as threads:
        states = list(threads.map(venue.pools, [addresses] * 8))

    assert all(state == {pool.pool: pool for pool in opening_pools(1)} for state in states)
    assert venue.opening() == states[0]


def test_a_signature_sent_again_is_not_queued_again(client: redis.Redis, venue: MockVenue) -> None:
    order = an_order()

    venue.send([(order, 0)])
    venue.send([(order, 0), (order, 60_000)])

    assert client.xlen("{chain}:transactions") == 1
    assert client.zcard("{chain}:timers") == 0
    assert venue.results([order.signature]) == [None]


def test_of_two_producers_of_a_block_one_wins(venue: MockVenue) -> None:
    orders = [an_order(), an_order()]
    pools = venue.pools(leg.pool for order in orders for leg in order.chosen_route.legs)
    first, second = (produce(1, [order], pools, NOW_MS) for order in orders)

    outcomes = [venue.commit(first), venue.commit(second)]

    assert outcomes == [True, False]
    assert venue.height() == 1
    results = venue.results([order.signature for order in orders])
    assert results[0] == first.executions[0]
    assert results[1] is None


def test_what_traders_paid_and_got_is_what_the_vaults_changed_by(venue: MockVenue) -> None:
    orders = [an_order("SOL", 10**9 + number) for number in range(20)]
    orders += [an_order("USDC", 10**8 + number) for number in range(20)]
    addresses = {leg.pool for order in orders for leg in order.chosen_route.legs}
    opening = vaults(venue.pools(addresses))

    for height in range(4):
        block = orders[height * 10 : height * 10 + 10]
        assert venue.commit(produce(height + 1, block, venue.pools(addresses), NOW_MS))

    results = venue.results([order.signature for order in orders])
    flows: Counter[tuple[str, str]] = Counter()
    for result in results:
        assert result is not None
        for fill in result.fills:
            flows[fill.pool, fill.token_in] += fill.amount_in
            flows[fill.pool, fill.token_out] -= fill.amount_out
    after = vaults(venue.pools(addresses))
    assert {place: after[place] - opening[place] for place in after} == {place: flows[place] for place in after}


def test_a_result_is_kept_until_its_order_has_ended(client: redis.Redis, venue: MockVenue) -> None:
    order = an_order()
    venue.send([(order, 0)])
    [key] = client.keys("{chain}:tx:*")
    kept_before = client.pttl(key)

    venue.forget([order.signature], valid_ms=60_000)

    assert kept_before == -1
    assert client.pttl(key) > 60_000
