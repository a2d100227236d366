"""Launched pools: they open, a crowd buys, they close; the market around them is as it would be without."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.codec import encoder
from orderflow.domain.instructions import instructions_for
from orderflow.domain.launches import Launch
from orderflow.domain.order import Order
from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import quote, swap
from orderflow.domain.router.impact import price_impact
from orderflow.domain.routing import Leg, Route
from orderflow.venues.mock.background import advance, chain_seconds
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.crowd import CROWD_SLOTS, LaunchedPools
from orderflow.venues.mock.launches import Calendar, launch_at, opening_pool
from orderflow.venues.mock.settings import LEAST_APART
from orderflow.venues.mock.signer import sign
from tests.support.builders import NOW_MS, market, market_state, nth_id
from tests.support.launched import EVERY, gained, launched_for, live, paid_in, snipe

LAUNCH = launch_at(1, 0)


def in_steps(ends: Sequence[int], every: int = EVERY) -> list[Blocks]:
    state, blocks = market_state(), list[Blocks]()
    for end in ends:
        blocks.append(live(end, state, every=every))
        state = blocks[-1].after
    return blocks


def test_without_the_setting_nothing_is_launched_and_the_market_is_as_it_was() -> None:
    blocks = live(500, every=0)

    around = advance(1, 0, 500, market_state().fair, market())
    assert blocks.after == MarketState(500, around.fair, market() | around.changed)
    assert (blocks.flows, blocks.launches, blocks.closed) == (around.flows, (), ())


@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([25, 60, 100]))
def test_with_launches_the_standing_pools_are_the_same_atom_for_atom(seed: int, slots: int, every: int) -> None:
    with_them, without = live(slots, seed=seed, every=every), live(slots, seed=seed, every=0)

    assert with_them.after.fair == without.after.fair
    assert encoder.encode(with_them.after.pools) == encoder.encode(without.after.pools)
    assert with_them.flows.items() >= without.flows.items()


@given(st.sets(st.integers(1, 250), max_size=12), st.sampled_from([25, 60, 100]))
def test_launches_are_the_same_however_the_slots_are_divided(cuts: set[int], every: int) -> None:
    divided, at_once = in_steps(sorted({*cuts, 250}), every), live(250, every=every)

    assert divided[-1].after == at_once.after
    assert [launch for blocks in divided for launch in blocks.launches] == list(at_once.launches)
    assert [launch for blocks in divided for launch in blocks.ended] == list(at_once.ended) == []
    assert paid_in(*divided) == paid_in(at_once)
    assert len(at_once.launches) > 1


def test_a_hundred_slots_at_once_are_a_hundred_times_one_slot() -> None:
    before = live(9_000).after
    state = before
    for slot in range(9_001, 9_101):
        state = live(slot, state).after

    at_once = live(9_100, before)
    assert state == at_once.after
    assert at_once.closed == tuple(launch.pool for launch in at_once.ended) != ()
    assert at_once.launches


@given(st.lists(st.integers(1, 12_000), min_size=1, max_size=4, unique=True), st.sampled_from([25, 500]))
def test_all_that_was_paid_in_is_there_and_what_has_closed_was_taken_out(ends: list[int], every: int) -> None:
    lived, at_once = LaunchedPools(Calendar(1, every), 0, {}), LaunchedPools(Calendar(1, every), 0, {})
    for end in sorted(ends):
        lived.live(end)

    at_once.live(max(ends))

    assert lived.pools == at_once.pools
    assert lived.opened == at_once.opened
    assert lived.ended == at_once.ended == [each for each in at_once.opened if each.close_slot <= max(ends)]
    in_all = {f"{pool}|{token}": atoms for (pool, token), atoms in gained({}, lived.pools).items()}
    assert {place: atoms for place, atoms in lived.flows.items() if atoms} == in_all
    assert lived.changed == lived.pools.keys()


def test_at_most_so_many_are_open_at_once_as_the_setting_allows() -> None:
    pools = LaunchedPools(Calendar(1, LEAST_APART), 0, {})
    most = 0
    for slot in range(9_000, 12_000, 10):
        pools.live(slot)
        most = max(most, len(pools.pools))

    assert 355 <= most <= 363


def test_a_pool_opens_at_its_slot_and_closes_an_hour_later() -> None:
    states = [live(slot).after for slot in (LAUNCH.open_slot - 1, LAUNCH.open_slot)]
    last = live(LAUNCH.close_slot - 1)
    closing = live(LAUNCH.close_slot, last.after)

    assert [state.launched.get(LAUNCH.pool) for state in states] == [None, opening_pool(LAUNCH)]
    assert LAUNCH.pool in last.after.launched
    assert LAUNCH.pool not in closing.after.launched
    assert (closing.closed, closing.ended) == ((LAUNCH.pool,), (LAUNCH,))
    assert LAUNCH.pool not in {pool.pool for pool in closing.changed_pools}


def first_price(pool: Pool, launch: Launch) -> float:
    """Return what the token of a launch costs."""
    return 1 / pool.first_price(launch.quote, 0)


@pytest.mark.parametrize("quote_token", ["SOL", "USDC"])
def test_the_crowd_moves_the_price_up_slot_by_slot_for_25_slots(quote_token: str) -> None:
    launch = launched_for(quote_token)
    state = live(launch.open_slot).after
    prices = [first_price(state.launched[launch.pool], launch)]
    for slot in range(launch.open_slot + 1, launch.open_slot + 40):
        state = live(slot, state).after
        prices.append(first_price(state.launched[launch.pool], launch))

    rises = [after / before for before, after in itertools.pairwise(prices)]
    assert all(1.005 < rise < 1.07 for rise in rises[:CROWD_SLOTS])
    assert set(rises[CROWD_SLOTS:]) == {1.0}
    assert 2 < prices[-1] / prices[0] < 3


def sent(launch: Launch, number: int = 1, amount_in: int = 10**7) -> Order:
    """Return an order for a launched token as it was sent, whatever the pool will be."""
    order = snipe(launch, amount_in, order_id=nth_id(number))
    result = quote(opening_pool(launch), launch.quote, amount_in, 0)
    legs = (
        Leg(
            launch.venue,
            launch.pool,
            10_000,
            launch.quote,
            launch.token.symbol,
            amount_in,
            result.amount_out,
            result.fee,
            result.fee_token,
        ),
    )
    impact = price_impact([(opening_pool(launch), launch.quote, result)])
    route = Route(launch.open_slot, launch.venue, legs, amount_in, result.amount_out, impact, impact * 0, 5_000, ())
    built = order.choose_route(route, NOW_MS).build(instructions_for(route), 10**6, NOW_MS + 10**6, NOW_MS)
    return built.submit(sign(built), NOW_MS)


def landed(order: Order, slot: int) -> Blocks:
    return produce(1, market_state(), [order], lambda _: slot, NOW_MS, launch_every=EVERY)


@pytest.mark.parametrize(
    ("slot", "error"),
    [
        (LAUNCH.open_slot - 1, "pool is not open"),
        (LAUNCH.open_slot, None),
        (LAUNCH.open_slot + 4, None),
        (LAUNCH.close_slot, "pool is not open"),
    ],
)
def test_a_swap_before_the_opening_and_after_the_close_is_refused(slot: int, error: str | None) -> None:
    order = sent(LAUNCH)

    blocks = landed(order, slot)

    [execution] = blocks.executions
    assert execution.error == error
    assert bool(execution.fills) == (error is None)


def test_orders_come_behind_the_crowd_of_their_slot_and_each_slot_late_costs() -> None:
    received = []
    for late in range(5):
        lands = LAUNCH.open_slot + late
        blocks = landed(sent(LAUNCH), lands)
        [execution] = blocks.executions
        received.append(execution.amount_out)
        alone = live(lands).after.launched[LAUNCH.pool]
        expected, after = swap(alone, LAUNCH.quote, 10**7, chain_seconds(lands))
        assert execution.amount_out == expected.amount_out
        assert blocks.after.launched[LAUNCH.pool] == after
        assert gained(market(), blocks.after.all_pools) == paid_in(blocks)

    assert all(after < 0.99 * before for before, after in itertools.pairwise(received))


def test_what_is_bought_of_a_launch_moves_no_standing_pool() -> None:
    order = sent(LAUNCH, amount_in=LAUNCH.liquidity // 20)

    blocks = landed(order, 90)

    assert blocks.executions[0].error is None or "Price moved" in blocks.executions[0].error
    assert blocks.after.pools == live(90, every=0).after.pools


def test_a_pool_that_is_open_lives_on_and_closes_when_nothing_is_launched_any_more() -> None:
    opened = live(LAUNCH.open_slot + 5).after

    on = live(LAUNCH.open_slot + 50, opened, every=0).after
    end = live(LAUNCH.close_slot, on, every=0)

    assert on.launched == {LAUNCH.pool: live(90).after.launched[LAUNCH.pool]}
    assert (end.after.launched, end.closed) == ({}, (LAUNCH.pool,))


def test_a_pool_that_another_seed_has_launched_closes_in_the_next_slot() -> None:
    state = live(90, seed=2).after

    blocks = produce(1, state, [], lambda _: 0, NOW_MS, least_slots=1, launch_every=EVERY)

    assert set(blocks.closed) == set(state.launched)
    assert len(state.launched) == 1
    assert gained(state.all_pools, blocks.after.all_pools) == paid_in(blocks)


def test_what_was_read_of_the_chain_is_left_as_it_was() -> None:
    state = live(LAUNCH.open_slot + 3).after
    before = msgspec.structs.replace(state, launched=dict(state.launched))

    live(LAUNCH.close_slot, state)

    assert state == before


def test_a_launch_that_opened_under_another_setting_closes_under_this_one_and_one_of_another_seed_is_not_known() -> (
    None
):
    last = live(LAUNCH.close_slot - 1).after

    without_launches = live(LAUNCH.close_slot, last, every=0)
    of_another_seed = live(LAUNCH.close_slot, last, every=0, seed=2)

    assert (without_launches.ended, without_launches.closed) == ((LAUNCH,), (LAUNCH.pool,))
    assert of_another_seed.ended == ()
    assert LAUNCH.pool in of_another_seed.closed


def test_a_launch_that_never_opened_since_there_was_no_setting_for_it_closes_all_the_same() -> None:
    before = live(LAUNCH.close_slot - 1, every=0).after

    closing = live(LAUNCH.close_slot, before)

    assert (closing.ended, closing.closed) == ((LAUNCH,), ())
