"""DLMM liquidity follows the price: by the seed, worth no more than before, and accounted for to the atom."""

from collections.abc import Mapping
from fractions import Fraction

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.pools import Dlmm, Pool
from orderflow.domain.pools.dlmm_math import ONE, bin_price
from orderflow.domain.pools.swap import swap
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.background import Background, advance, chain_seconds, opening_prices
from orderflow.venues.mock.providers import LOOK_EVERY, is_off_centre, recentred, turns
from tests.support.builders import market, vault
from tests.support.pool_strategies import NOW_S, dlmm, dlmm_pools

OPENING = opening_prices()
DLMM = {address: pool for address, pool in market().items() if isinstance(pool, Dlmm)}
SOL_USDC = DLMM["meteora_dlmm:SOL-USDC"]

CENTRED = dlmm({number: (10**6 * (number >= 0), 10**6 * (number <= 0)) for number in range(-30, 31)})
"""Around a price of 1 atom of Y per atom of X."""


def fair_of(pool: Pool, fair: Mapping[str, float]) -> float:
    """Return the fair price in atoms of Y per atom of X."""
    atoms_x, atoms_y = (10.0 ** TOKENS[token].decimals / fair[token] for token in (pool.token_a, pool.token_b))
    return atoms_y / atoms_x


def smaller_side(pool: Pool, fair: Mapping[str, float]) -> float:
    """Return the share of the pool's value that the token has which it holds less of."""
    price = fair_of(pool, fair)
    x, y = pool.reserve_a * price, pool.reserve_b
    return min(x, y) / (x + y)


@pytest.mark.parametrize(("seed", "at_a_time"), [(1, 1_500), (2, 150_000)])
def test_after_150_000_slots_no_pool_is_one_sided(seed: int, at_a_time: int) -> None:
    fair, pools = OPENING, {address: pool for address, pool in market(seed).items() if isinstance(pool, Dlmm)}
    opened, smallest = dict(pools), 1.0

    for slot in range(0, 150_000, at_a_time):
        background = advance(seed, slot, slot + at_a_time, fair, pools)
        fair = background.fair
        pools |= {address: pool for address, pool in background.changed.items() if isinstance(pool, Dlmm)}
        smallest = min(smallest, *(smaller_side(pool, fair) for pool in pools.values()))

    assert smallest > 0.2
    moved = [abs(pool.active_id - opened[address].active_id) for address, pool in pools.items()]
    assert sum(bins > 30 for bins in moved) > len(moved) / 3  # the price has left where most of them opened


def test_pools_that_an_earlier_version_left_one_sided_are_laid_around_the_price_within_a_minute() -> None:
    # As they are found in Redis: the price has left all bins, and only one token is left. Where the last bin was
    # emptied exactly, that version moved the active bin on, beyond all bins.
    fair = OPENING | {"SOL": OPENING["SOL"] * 1.2}
    emptied: dict[str, Pool] = {}
    for address, pool in DLMM.items():
        if "SOL" in (pool.token_a, pool.token_b):
            cheap = pool.token_b if pool.token_a == "SOL" else pool.token_a
            empty = pool.swap_exact_out(cheap, pool.reserves(cheap)[1], NOW_S)[1]
            beyond = pool.lowest_id - 1 if cheap == pool.token_a else pool.lowest_id + len(pool.bins_x)
            emptied[address] = msgspec.structs.replace(empty, active_id=beyond if len(emptied) % 2 else empty.active_id)
    fair |= {symbol: OPENING[symbol] * 1.2 for symbol in ("mSOL", "JitoSOL")}

    background = advance(1, 0, LOOK_EVERY, fair, emptied)

    assert len(emptied) > 8
    for address, laid in (emptied | background.changed).items():
        if not {"mSOL", "JitoSOL"} & {laid.token_a, laid.token_b}:
            assert smaller_side(laid, background.fair) > 0.35, address
            assert vault(laid, laid.token_a) != vault(emptied[address], laid.token_a)


@given(st.integers(0, 2**32), st.integers(0, 3 * LOOK_EVERY), st.floats(0.8, 1.25))
def test_what_providers_lay_down_and_take_out_goes_by_the_flows_to_the_atom(
    seed: int, slots: int, moved: float
) -> None:
    background = advance(seed, 0, slots, OPENING | {"SOL": OPENING["SOL"] * moved}, DLMM)

    for address, pool in (DLMM | background.changed).items():
        for token in (pool.token_a, pool.token_b):
            change = vault(pool, token) - vault(DLMM[address], token)
            assert change == background.flows.get(f"{address}|{token}", 0)


def test_every_provider_looks_once_in_a_turn_of_slots_which_the_seed_draws() -> None:
    addresses = tuple(DLMM)

    looks = turns(1, addresses)

    assert sorted(address for due in looks.values() for address in due) == sorted(addresses)
    assert set(looks) <= set(range(LOOK_EVERY))
    assert len(looks) > len(addresses) / 2
    assert looks == turns(1, tuple(addresses)) != turns(2, addresses)


@pytest.mark.parametrize("turn", [0, 1])
def test_a_provider_looks_in_its_own_slots_whatever_the_slots_before_were(turn: int) -> None:
    fair = OPENING | {"JUP": OPENING["JUP"] * 1.02, "PYTH": OPENING["PYTH"] * 0.98}
    looks = turns(1, tuple(DLMM))

    for slot in range(turn * LOOK_EVERY, (turn + 1) * LOOK_EVERY):
        after = advance(1, slot - 1, slot, fair, DLMM).changed.items()
        laid = {
            address for address, pool in after if isinstance(pool, Dlmm) and pool.lowest_id != DLMM[address].lowest_id
        }
        due = looks.get(slot % LOOK_EVERY, ())
        assert laid == {address for address in due if "JUP" in address or "PYTH" in address}


@pytest.mark.parametrize("moved", [1.009, 0.991])
def test_an_order_on_its_way_while_liquidity_is_laid_out_anew_gets_what_it_was_quoted(moved: float) -> None:
    # JUP has moved far enough for the providers of its pools to move after it when they look next.
    fair = OPENING | {"JUP": OPENING["JUP"] * moved}
    looks = {address: slot for slot, due in turns(1, tuple(DLMM)).items() for address in due}

    for address in ("meteora_dlmm:JUP-USDC", "meteora_dlmm:JUP-SOL"):
        quoted = advance(1, looks[address] - 2, looks[address] - 1, fair, {address: DLMM[address]})
        before = quoted.changed[address]
        after = advance(1, looks[address] - 1, looks[address], quoted.fair, {address: before}).changed[address]
        assert isinstance(before, Dlmm)
        assert isinstance(after, Dlmm)
        assert before.lowest_id == DLMM[address].lowest_id != after.lowest_id
        for token in (after.token_a, after.token_b):
            for dollars in (100, 10_000):
                atoms = int(dollars / quoted.fair[token] * 10 ** TOKENS[token].decimals)
                now_s = chain_seconds(looks[address])
                expected, got = (swap(pool, token, atoms, now_s)[0].amount_out for pool in (before, after))
                assert got > 0.997 * expected, (address, token, dollars)


def test_the_same_slots_end_in_the_same_pools() -> None:
    def lived() -> Background:
        return advance(1, 0, 2_000, OPENING | {"SOL": 240.0}, DLMM)

    turns.cache_clear()
    once = lived()

    assert lived() == once
    assert any(
        isinstance(pool, Dlmm) and pool.lowest_id != DLMM[address].lowest_id for address, pool in once.changed.items()
    )


@pytest.mark.parametrize(
    ("price", "off"), [(1.0, False), (1.001**6, False), (1.001**-6, False), (1.001**7, True), (0.9, True)]
)
def test_a_price_a_fifth_of_the_reach_from_the_middle_is_off_it(price: float, off: bool) -> None:
    assert is_off_centre(CENTRED, price) == off


@given(dlmm_pools(), st.floats(0.5, 2), st.integers(0, 10**9))
def test_what_is_laid_down_is_half_of_each_and_never_worth_more_than_what_was_taken_out(
    pool: Dlmm, moved: float, fees: int
) -> None:
    pool = msgspec.structs.replace(pool, withheld_a=fees, protocol_a=fees // 3, withheld_b=fees, protocol_b=fees // 7)
    fair = bin_price(pool.bin_step, pool.active_id) / ONE * moved
    price = Fraction(fair)

    after = recentred(pool, fair)

    assume(after is not pool)
    before_worth, worth = (vault(each, "SOL") * price + vault(each, "USDC") for each in (pool, after))
    # Of each token less than an atom is lost by rounding.
    assert before_worth - 2 * (price + 1) <= worth <= before_worth
    assert abs(after.reserve_a * price - after.reserve_b) <= 2 * (price + 1)
    assert (
        (after.withheld_a, after.withheld_b)
        == (pool.protocol_a, pool.protocol_b)
        == (after.protocol_a, after.protocol_b)
    )
    memory = ("va", "vol_ref", "index_ref", "last_s")
    assert [getattr(after, name) for name in memory] == [getattr(pool, name) for name in memory]
    active = after.active_id - after.lowest_id
    assert not any(after.bins_x[:active])
    assert not any(after.bins_y[active + 1 :])
    assert all(after.bins_x[active:])
    assert all(after.bins_y[: active + 1])


@pytest.mark.parametrize("bins", [20, -20])
def test_the_price_stays_where_it_is_while_it_is_within_the_bins(bins: int) -> None:
    token_in = "USDC" if bins > 0 else "SOL"
    _, pool = CENTRED.swap_exact_out(token_in, 20 * 10**6 + 500_000, NOW_S)

    after = recentred(pool, 1.001 ** (bins + 3))  # within the fee band, as arbitrage leaves it

    assert pool.active_id == after.active_id == bins
    assert (after.lowest_id, len(after.bins_x), len(after.bins_y)) == (bins - 30, 61, 61)
    for sold in ("SOL", "USDC"):
        assert swap(after, sold, 100_000, NOW_S)[0] == swap(pool, sold, 100_000, NOW_S)[0]


def test_where_the_price_has_left_the_bins_they_are_laid_around_it() -> None:
    _, pool = CENTRED.swap_exact_out("USDC", CENTRED.reserve_a, NOW_S)

    after = recentred(pool, 1.001**75)

    assert (pool.active_id, pool.reserve_a) == (30, 0)
    assert (after.active_id, after.lowest_id) == (75, 45)
    assert after.reserve_a * 1.001**75 == pytest.approx(after.reserve_b, rel=1e-6)


def test_too_little_to_lie_in_every_bin_and_too_much_for_an_account_stay_where_they_are() -> None:
    dust = dlmm({number: (0, number % 2) for number in range(-30, 31)})
    rich = dlmm(dict.fromkeys(range(-30, 31), (0, 2**58)))

    assert recentred(dust, 1.1) is dust
    assert recentred(rich, 1e-3) is rich
    assert recentred(rich, 1.1) is not rich
