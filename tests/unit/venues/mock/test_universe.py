"""The market that a run opens with."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from orderflow.domain.amounts import to_atoms, to_units
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Dlmm, Pool
from orderflow.domain.pools.dlmm_math import ONE, bin_price
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.plan import plan_split
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES, opening_pools, pairs, pool_address
from tests.support.builders import market

SEEDS = (1, 2, 7, 12345)
OTHERS = [symbol for symbol in TOKENS if symbol not in ("SOL", "USDC")]
NOW_S = chain_seconds(0)


def fee(pool: Pool) -> Decimal:
    """Return the share of a small swap that the fee takes, whatever the type."""
    return 1 - Decimal(pool.first_price(pool.token_a, NOW_S)) / pool.spot_price(pool.token_a)


def worth(pool: Pool, token: str) -> Decimal:
    """Return what a pool holds of a token, in dollars at the opening price."""
    atoms = pool.reserve_a if token == pool.token_a else pool.reserve_b
    return to_units(atoms, TOKENS[token]) * OPENING_PRICES[token]


def price_in_dollars(pool: Pool) -> Decimal:
    """Return how far above the opening prices a pool values its token a, as a ratio."""
    base, quote = TOKENS[pool.token_a], TOKENS[pool.token_b]
    if not isinstance(pool, Dlmm):
        return worth(pool, pool.token_b) / worth(pool, pool.token_a)
    price = Decimal(bin_price(pool.bin_step, pool.active_id)) / ONE
    return price.scaleb(base.decimals - quote.decimals) * OPENING_PRICES[quote.symbol] / OPENING_PRICES[base.symbol]


def depths(pools: list[Pool]) -> list[Decimal]:
    return [worth(pool, pool.token_a) + worth(pool, pool.token_b) for pool in pools]


def of_pair(base: str, quote: str, seed: int = 1) -> list[Pool]:
    return [pool for pool in market(seed).values() if (pool.token_a, pool.token_b) == (base, quote)]


def sell(symbols: list[str], dollars: int, seed: int) -> Decimal:
    """Return the dollars gained by trading through `symbols` in turn, split over all pools each time."""
    view = MarketView(market(seed).values(), NOW_S)
    first, last = TOKENS[symbols[0]], TOKENS[symbols[-1]]
    amount = to_atoms(round(Decimal(dollars) / OPENING_PRICES[first.symbol], first.decimals), first)
    started_with = to_units(amount, first) * OPENING_PRICES[first.symbol]
    for token_in, token_out in pairwise(symbols):
        amount = plan_split(view, token_in, token_out, amount).amount_out
    return to_units(amount, last) * OPENING_PRICES[last.symbol] - started_with


def test_raydium_and_meteora_list_every_token_against_sol_and_usdc() -> None:
    for base, quote in pairs():
        listed = Counter(pool.venue for pool in of_pair(base.symbol, quote.symbol))

        assert set(listed) <= set(VENUES)
        assert listed[RAYDIUM] >= 1
        assert listed[METEORA] == 2
    assert len(list(pairs())) == 1 + 2 * len(OTHERS)


def test_meteora_has_bins_for_every_pair_and_raydium_two_pools_of_sol_and_usdc() -> None:
    for base, quote in pairs():
        programs = {type(pool) for pool in of_pair(base.symbol, quote.symbol) if pool.venue == METEORA}

        assert programs == {DammV2, Dlmm}
    assert {type(pool) for pool in of_pair("SOL", "USDC") if pool.venue == RAYDIUM} == {AmmV4, Cpmm}
    for base, quote in pairs():
        raydium = [pool for pool in of_pair(base.symbol, quote.symbol) if pool.venue == RAYDIUM]
        assert len(raydium) == (2 if (base.symbol, quote.symbol) == ("SOL", "USDC") else 1)


def test_a_pool_goes_by_its_program_and_pair() -> None:
    assert pool_address("raydium_cpmm", "SOL", "USDC") == "raydium_cpmm:SOL-USDC"
    assert len({pool.pool for pool in opening_pools(1)}) == len(opening_pools(1))
    for address, pool in market().items():
        program = str(pool.__struct_config__.tag)
        assert address == pool.pool == pool_address(program, pool.token_a, pool.token_b)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pool_opens_within_its_fee_of_the_opening_prices(seed: int) -> None:
    for pool in market(seed).values():
        assert abs(price_in_dollars(pool) - 1) < fee(pool), pool.pool


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("token", OTHERS)
def test_no_round_trip_gains_at_the_opening(token: str, seed: int) -> None:
    ways = (
        ["USDC", token, "USDC"],
        ["SOL", token, "SOL"],
        ["USDC", "SOL", "USDC"],
        ["USDC", token, "SOL", "USDC"],
        ["USDC", "SOL", token, "USDC"],
    )

    assert all(sell(way, 100, seed) < 0 for way in ways)


@pytest.mark.parametrize("seed", SEEDS)
def test_liquidity_is_as_deep_as_that_of_real_pools(seed: int) -> None:
    def depth(base: str, quote: str) -> list[Decimal]:
        return depths([pool for pool in of_pair(base, quote, seed) if not isinstance(pool, Dlmm)])

    slack = Decimal("0.002")  # the quote's side is off by the opening range
    assert all(5_000_000 * (1 - slack) < found < 10_000_000 * (1 + slack) for found in depth("SOL", "USDC"))
    assert all(abs(found / 5_000_000 - 1) < slack for found in depth("USDT", "USDC"))
    for base, least, most in (("JUP", 500_000, 2_000_000), ("BONK", 100_000, 1_000_000), ("WIF", 100_000, 1_000_000)):
        for quote in ("SOL", "USDC"):
            assert all(least * (1 - slack) < found < most * (1 + slack) for found in depth(base, quote))


@pytest.mark.parametrize("seed", SEEDS)
def test_bins_hold_a_hundred_thousand_to_a_million_dollars_on_both_sides_of_the_price(seed: int) -> None:
    for pool in market(seed).values():
        if isinstance(pool, Dlmm):
            (found,) = depths([pool])
            assert 99_000 < found < 1_010_000, pool.pool
            assert worth(pool, pool.token_a) / found == pytest.approx(Decimal("0.5"), abs=Decimal("0.03"))
            assert pool.index_ref == pool.active_id
            active = pool.active_id - pool.lowest_id
            assert not any(pool.bins_x[:active])
            assert not any(pool.bins_y[active + 1 :])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("amount", ["0.01", "12.5", "100"])
def test_sol_trades_near_220_usdc(amount: str, seed: int) -> None:
    view = MarketView(market(seed).values(), NOW_S)
    atoms = to_atoms(Decimal(amount), TOKENS["SOL"])

    plan = plan_split(view, "SOL", "USDC", atoms)

    assert 219 < to_units(plan.amount_out, TOKENS["USDC"]) / Decimal(amount) < 221


def test_the_market_follows_from_its_seed() -> None:
    assert opening_pools(7) == opening_pools(7)
    assert opening_pools(7) != opening_pools(8)
