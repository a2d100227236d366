"""Launches follow from the seed and the slot alone, and are found again by mint and symbol."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderflow.domain import base58
from orderflow.domain.tokens import TOKENS, find_token
from orderflow.venues.mock.launches import (
    OPEN_SLOTS,
    OPENS_AFTER,
    Calendar,
    found_launches,
    launch_at,
    launch_of,
    opening_pool,
)
from tests.support.builders import market_state, vault
from tests.support.launched import live

slots = st.integers(0, 10**9)
seeds = st.integers(0, 2**32)
SEED_1 = Calendar(1, 100)


@given(seeds, slots)
def test_a_launch_is_the_same_whenever_it_is_made_and_another_for_another_seed_or_slot(seed: int, slot: int) -> None:
    launch = launch_at(seed, slot)
    launch_at.cache_clear()

    assert launch_at(seed, slot) == launch
    assert launch_at(seed + 1, slot).token.mint != launch.token.mint
    assert launch_at(seed, slot + 1).token.mint != launch.token.mint


@given(seeds, slots)
def test_a_launch_is_made_as_the_document_says(seed: int, slot: int) -> None:
    launch = launch_at(seed, slot)

    assert launch.announced_slot == slot
    assert OPENS_AFTER[0] <= launch.open_slot - slot <= OPENS_AFTER[1]
    assert launch.close_slot - launch.open_slot == OPEN_SLOTS
    assert len(base58.decode(launch.token.mint) or b"") == 32
    assert launch.token.decimals in (6, 9)
    assert launch.quote in ("USDC", "SOL")
    dollars = launch.liquidity / 10 ** TOKENS[launch.quote].decimals * {"USDC": 1, "SOL": 220}[launch.quote]
    assert 4_999 < dollars < 50_001
    pool = opening_pool(launch)
    assert (pool.pool, pool.venue, pool.token_a, pool.token_b) == (
        launch.pool,
        launch.venue,
        launch.token.symbol,
        launch.quote,
    )
    assert vault(pool, launch.quote) == launch.liquidity
    assert 0 < vault(pool, launch.token.symbol) < 2**63


def test_launches_differ_in_all_that_is_drawn() -> None:
    launches = [launch_at(1, slot) for slot in range(0, 20_000, 100)]

    for name in ("quote", "venue", "mint_renounced", "freezable", "lp_burned"):
        assert len({getattr(launch, name) for launch in launches}) == 2
    assert len({launch.liquidity for launch in launches}) > 190
    assert len({launch.top10_bps for launch in launches}) > 150
    assert {launch.token.decimals for launch in launches} == {6, 9}
    assert len({launch.open_slot - launch.announced_slot for launch in launches}) == 41


@given(seeds, st.integers(0, 10**7).map(lambda number: number * 100))
@example(0, 8_656_300)  # a mint of letters with digits behind them, as symbols are
def test_a_launch_is_found_by_its_mint_and_its_symbol_from_its_announcement_on(seed: int, slot: int) -> None:
    launch, calendar = launch_at(seed, slot), Calendar(seed, 100)

    for name in (launch.token.mint, launch.token.symbol, launch.token.symbol.lower()):
        assert find_token(name) is None
        assert calendar.named(name, slot) == launch
        assert calendar.named(name, slot - 1) is None
    assert launch_of(seed, launch.token.symbol) == launch


@pytest.mark.parametrize("name", ["", "SOL", "MOON", "200", "MOON0200", "MOON-200", TOKENS["SOL"].mint, "MOON200\n"])
def test_no_launch_is_found_by_any_other_name(name: str) -> None:
    assert SEED_1.named(name, 10**9) is None
    assert launch_of(1, name) is None


def test_no_launch_is_found_that_another_seed_or_another_setting_makes() -> None:
    launch = launch_at(1, 200)

    assert Calendar(2, 100).named(launch.token.mint, 300) is None
    assert Calendar(1, 150).named(launch.token.mint, 300) is None
    assert Calendar(1, 0).named(launch.token.mint, 300) is None


@given(st.sampled_from([25, 26, 100, 5_000]), st.lists(st.integers(0, 20_000), min_size=2, max_size=6))
def test_each_launch_opens_once_however_the_slots_are_divided(every: int, ends: list[int]) -> None:
    calendar, ends = Calendar(1, every), sorted(ends)

    opened = [launch for one, other in itertools.pairwise(ends) for launch in calendar.opening(one, other)]

    made = [launch_at(1, slot) for slot in range(0, ends[-1] + 1, every)]
    expected = [launch for launch in made if ends[0] < launch.open_slot <= ends[-1]]
    assert sorted(launch.announced_slot for launch in opened) == [launch.announced_slot for launch in expected]


def test_launches_are_listed_the_latest_first_and_then_those_that_are_over() -> None:
    after = live(9_500, every=100).after

    listed = found_launches(SEED_1, 9_500, after.launched, past=2)

    made = [launch_at(1, slot) for slot in range(9_500, -1, -100)]
    over = [launch for launch in made if launch.close_slot <= 9_500]
    assert listed == [*(launch for launch in made if launch.close_slot > 9_500), *over[:2]]
    assert len(over) > 2
    assert found_launches(SEED_1, 9_500, after.launched, past=0) == listed[:-2]
    assert found_launches(SEED_1, 9_500, after.launched, past=99)[-len(over) :] == over


def test_only_those_are_listed_as_open_that_are() -> None:
    assert [launch.announced_slot for launch in found_launches(SEED_1, 330, market_state().launched, past=9)] == [300]


@given(st.sampled_from([25, 26, 100, 5_000]), st.lists(st.integers(0, 30_000), min_size=2, max_size=6))
def test_each_launch_closes_once_however_the_slots_are_divided(every: int, ends: list[int]) -> None:
    calendar, ends = Calendar(1, every), sorted(ends)

    closed = [launch for one, other in itertools.pairwise(ends) for launch in calendar.closing(one, other)]

    made = [launch_at(1, slot) for slot in range(0, ends[-1] + 1, every)]
    expected = [launch for launch in made if ends[0] < launch.close_slot <= ends[-1]]
    assert sorted(launch.announced_slot for launch in closed) == [launch.announced_slot for launch in expected]
