"""The market around the orders: it follows from the seed, keeps pools at the fair prices, and loses no atom."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log, sqrt
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.pools import Dlmm, Pool
from orderflow.domain.pools.curves import Steps
from orderflow.domain.pools.swap import swap
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RejectedError
from orderflow.venues.mock.background import GENESIS_S, Background, advance, chain_seconds, opening_prices, pull_back
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.support.builders import market, vault

OPENING = opening_prices()
HOUR = 9_000
"""Slots of 0.4 s."""


def live(to_slot: int, *, seed: int = 1, fair: Mapping[str, float] = OPENING) -> Background:
    return advance(seed, 0, to_slot, fair, market(seed))


def now(background: Background, seed: int = 1) -> dict[str, Pool]:
    return market(seed) | background.changed


def fair_price(fair: Mapping[str, float], token_in: str, token_out: str) -> float:
    """Return the atoms of one token that are worth an atom of another."""
    atoms_in, atoms_out = (10.0 ** TOKENS[token].decimals / fair[token] for token in (token_in, token_out))
    return atoms_out / atoms_in


def dollars(fair: Mapping[str, float], token: str, atoms: float) -> float:
    return atoms / 10.0 ** TOKENS[token].decimals * fair[token]


def held(pools: Mapping[str, Pool]) -> Counter[str]:
    return Counter(
        {
            f"{pool.pool}|{token}": vault(pool, token)
            for pool in pools.values()
            for token in (pool.token_a, pool.token_b)
        }
    )


def test_the_market_opens_at_the_tokens_opening_prices() -> None:
    assert {symbol: float(OPENING_PRICES[symbol]) for symbol in TOKENS} == OPENING


def test_the_chains_time_passes_with_its_slots() -> None:
    assert [chain_seconds(slot) for slot in (0, 1, 2, 3, 5, 150)] == [GENESIS_S + s for s in (0, 0, 0, 1, 2, 60)]


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    assert live(500) == live(500)
    assert live(500).fair != live(500, seed=2).fair
    assert live(500).flows != live(500, seed=2).flows


def test_where_no_slot_passes_nothing_happens() -> None:
    assert advance(1, 7, 7, OPENING, market()) == Background(OPENING, {}, {})


def lived(seed: int, ends: Sequence[int], fair: Mapping[str, float] = OPENING) -> Background:
    """Return the market after the last of these slots, gone to one after the other, with all flows on the way."""
    slot, pools, flows = 0, market(seed), Counter[str]()
    for end in ends:
        background = advance(seed, slot, end, fair, pools)
        slot, fair, pools = end, background.fair, pools | background.changed
        flows.update(background.flows)
    changed = {address: pool for address, pool in pools.items() if pool is not market(seed)[address]}
    return Background(dict(fair), changed, {place: atoms for place, atoms in flows.items() if atoms})


def test_a_hundred_slots_at_once_are_a_hundred_times_one_slot_pool_by_pool() -> None:
    at_once, one_by_one = live(100), lived(1, range(1, 101))

    assert one_by_one == at_once
    assert len(at_once.changed) > len(market()) / 2


@given(st.integers(0, 2**32), st.sets(st.integers(1, 250), max_size=12), st.floats(0.9, 1.1))
def test_the_market_is_the_same_however_the_slots_are_divided(seed: int, cuts: set[int], moved: float) -> None:
    fair = OPENING | {"SOL": OPENING["SOL"] * moved}

    assert lived(seed, sorted({*cuts, 250}), fair) == lived(seed, [250], fair)


SCRIPT = {3: {"SOL": 231.5, "JUP": 0.4}, 40: {"SOL": 180.0}}


def test_a_script_sets_prices_at_its_slots_and_the_walk_goes_on_from_there() -> None:
    fair, pools, walked = OPENING, market(), OPENING
    for slot in range(1, 6):
        background = advance(1, slot - 1, slot, fair, pools, SCRIPT)
        walked = live(slot).fair if slot < 3 else advance(1, slot - 1, slot, fair, {}).fair
        fair, pools = background.fair, pools | background.changed
        assert fair == walked | SCRIPT.get(slot, {})

    assert fair["SOL"] == pytest.approx(231.5, rel=0.002)
    assert fair["SOL"] != 231.5
    assert pools["raydium_amm_v4:SOL-USDC"].first_price("USDC", 2) == pytest.approx(1000 / 231.5, rel=0.003)


def test_a_script_makes_the_market_no_less_the_same_however_the_slots_are_divided() -> None:
    at_once = advance(1, 0, 60, OPENING, market(), SCRIPT)
    first = advance(1, 0, 39, OPENING, market(), SCRIPT)

    then = advance(1, 39, 60, first.fair, market() | first.changed, SCRIPT)

    assert (then.fair, first.changed | then.changed) == (at_once.fair, at_once.changed)


def test_what_was_looked_at_for_another_market_makes_no_difference_to_this_one() -> None:
    first = live(300, seed=2)
    live(300, seed=3)

    assert live(300, seed=2) == first


@given(st.integers(0, 2**32), st.integers(0, 300), st.floats(0.5, 2))
def test_others_trades_change_the_vaults_by_what_they_paid_to_the_atom(seed: int, slots: int, moved: float) -> None:
    background = advance(seed, 0, slots, OPENING | {"SOL": OPENING["SOL"] * moved}, market())

    before, after = held(market()), held(now(background))
    assert after.keys() == before.keys()
    assert {place: after[place] - before[place] for place in after if after[place] != before[place]} == background.flows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_prices_stay_positive_and_near_what_their_volatility_allows_in_an_hour(seed: int) -> None:
    fair = live(HOUR, seed=seed).fair

    assert fair.keys() == OPENING.keys()
    assert fair["USDC"] == 1
    assert all(price > 0 for price in fair.values())
    # 140 % a year are 1.5 % in an hour, to which a jump or two of 0.4 % may come.
    assert all(abs(log(fair[symbol] / OPENING[symbol])) < 0.08 for symbol in fair)
    assert abs(log(fair["USDT"])) < 0.001


def test_a_price_moves_by_its_volatility_and_staked_sol_with_sol() -> None:
    steps: dict[str, list[float]] = {symbol: [] for symbol in ("SOL", "JUP", "mSOL")}
    fair = OPENING
    for slot in range(3_000):
        after = advance(1, slot, slot + 1, fair, {}).fair
        for symbol, moves in steps.items():
            moves.append(log(after[symbol] / fair[symbol]))
        fair = after

    slots_a_year = 365 * 24 * HOUR
    for symbol, volatility in (("SOL", 0.75), ("JUP", 1.0), ("mSOL", 0.75)):
        moves = sorted(steps[symbol])[10:-10]  # jumps aside
        assert stdev(moves) * sqrt(slots_a_year) == pytest.approx(volatility, rel=0.12)
    apart = [sol - staked for sol, staked in zip(steps["SOL"], steps["mSOL"], strict=True)]
    assert stdev(apart) < 0.05 * stdev(steps["SOL"])


def test_prices_jump_about_once_an_hour_for_a_token() -> None:
    fair, jumps, slots = OPENING, 0, 3 * HOUR
    for slot in range(slots):
        after = advance(1, slot, slot + 1, fair, {}).fair
        jumps += sum(
            abs(log(after[symbol] / fair[symbol])) > 0.001
            for symbol in ("SOL", "JUP", "RAY", "BONK", "WIF", "JTO", "PYTH", "ORCA")
        )
        fair = after

    # Eight tokens, three hours; four jumps of five are larger than 0.1 %.
    assert 8 < jumps < 35


@given(st.integers(0, 2**32), st.integers(1, 400))
def test_no_pool_is_left_to_pay_more_than_its_fee_above_fair(seed: int, slots: int) -> None:
    background = advance(seed, 0, slots, OPENING, market())
    now_s = chain_seconds(slots)

    for pool in now(background).values():
        for token_in in (pool.token_a, pool.token_b):
            assert_nothing_to_gain(pool, token_in, background.fair, now_s)


def assert_nothing_to_gain(pool: Pool, token_in: str, fair: Mapping[str, float], now_s: int) -> None:
    """See that a trade of two dollars or more would not pay, fee included; a smaller one nobody makes."""
    amount = int(2 / fair[token_in] * 10 ** TOKENS[token_in].decimals)
    token_out = pool.other(token_in)
    try:
        result, _ = swap(pool, token_in, amount, now_s)
    except RejectedError:
        return
    gain = dollars(fair, token_out, result.amount_out) - dollars(fair, token_in, amount)
    # Less than $1 of a pool that is off by a bin's step at most may be left.
    assert gain < 0.002, (pool.pool, token_in, gain)


@pytest.mark.parametrize("moved", [1.005, 1.02, 0.98])
def test_arbitrage_follows_a_price_that_jumps_up_to_the_fee(moved: float) -> None:
    fair = OPENING | {"SOL": OPENING["SOL"] * moved}

    background = live(1, fair=fair)

    for address, pool in now(background).items():
        if address.endswith(":SOL-USDC"):
            curve = pool.curve("USDC" if moved > 1 else "SOL", chain_seconds(1))
            best = curve.prices[0] if isinstance(curve, Steps) else curve.price
            sold, bought = ("USDC", "SOL") if moved > 1 else ("SOL", "USDC")
            # At the edge: it pays what is fair after its fee, and it does not pay a bin's step less.
            assert best / fair_price(background.fair, sold, bought) == pytest.approx(1, abs=0.0012)
            assert pool.version > market()[address].version


def test_a_price_beyond_all_bins_empties_them_and_no_more() -> None:
    background = live(1, fair=OPENING | {"SOL": OPENING["SOL"] * 3})

    pool = now(background)["meteora_dlmm:SOL-USDC"]

    assert isinstance(pool, Dlmm)
    assert dollars(background.fair, "SOL", pool.reserve_a) < 1
    assert_nothing_to_gain(pool, "USDC", background.fair, chain_seconds(1))


def test_a_token_of_next_to_no_worth_is_traded_for_no_more_atoms_than_an_account_holds() -> None:
    # At a millionth of a millionth of its price $1 are 5·10²¹ atoms.
    background = live(200, fair=OPENING | {"BONK": OPENING["BONK"] * 1e-12})

    assert all(max(pool.reserve_a, pool.reserve_b) < 2**64 for pool in background.changed.values())


def test_noise_is_a_hundredth_of_the_pools_a_slot_and_moves_both_ways() -> None:
    changed = [set(advance(1, slot, slot + 1, OPENING, market()).changed) for slot in range(1_000)]

    # The pools open within their fees of fair, so in the first slot next to all change is noise.
    assert mean(len(each) for each in changed) == pytest.approx(0.01 * len(market()), rel=0.35)
    assert set().union(*changed) == set(market())


def test_the_market_lives_on_for_hours_at_prices_that_agree() -> None:
    fair, pools = OPENING, market()
    for before, after in pairwise(range(0, 4 * HOUR + 1, HOUR // 2)):
        background = advance(1, before, after, fair, pools)
        fair, pools = background.fair, pools | background.changed

    for pool in pools.values():
        for token_in in (pool.token_a, pool.token_b):
            assert_nothing_to_gain(pool, token_in, fair, chain_seconds(4 * HOUR))
            # The providers of bins follow the price; the others' liquidity is there at any.
            assert dollars(fair, token_in, vault(pool, token_in)) > (20_000 if isinstance(pool, Dlmm) else 40_000)


def test_pools_that_orders_have_moved_are_pulled_back_and_no_others() -> None:
    moved = {
        pool.pool: swap(pool, "SOL", 100 * 10**9, 0)[1] for pool in market().values() if pool.pool.endswith(":SOL-USDC")
    }
    pools = market() | moved
    some, rest = sorted(moved)[:2], sorted(moved)[2:]

    background = pull_back(7, OPENING, pools, some)

    assert background.fair == OPENING
    assert set(background.changed) <= set(some)
    assert background.changed
    after = pools | background.changed
    for address in some:
        assert_nothing_to_gain(after[address], "USDC", OPENING, chain_seconds(7))
    assert all(after[address] is moved[address] for address in rest)
    before, now_held = held(pools), held(after)
    assert {place: now_held[place] - before[place] for place in before if now_held[place] != before[place]} == (
        background.flows
    )
