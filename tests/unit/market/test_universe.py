"""The market that a run opens with."""

from decimal import Decimal
from itertools import pairwise

import pytest

from orderflow.domain.amounts import to_atoms, to_units
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool
from orderflow.domain.routing import best_route
from orderflow.domain.tokens import TOKENS
from orderflow.market.universe import METEORA, RAYDIUM, opening_pools, pairs, pool_address, pools_of_pair
from tests.builders import market

SEEDS = (1, 2, 7, 12345)
OTHERS = [symbol for symbol in TOKENS if symbol not in ("SOL", "USDC")]


def fee(pool: Pool) -> Decimal:
    match pool:
        case AmmV4():
            return Decimal("0.0025")
        case Cpmm():
            return Decimal(pool.fee_rate) / 10**6
        case DammV2():
            return Decimal(pool.fee_rate) / 10**9


def worth(pool: Pool, token: str) -> Decimal:
    """Return what a pool holds of a token, in dollars at the opening price."""
    atoms = pool.reserve_a if token == pool.token_a else pool.reserve_b
    return to_units(atoms, TOKENS[token]) * TOKENS[token].opening_price


def sell(symbols: list[str], dollars: int, seed: int) -> Decimal:
    """Return the dollars left after trading through `symbols` in turn, at the best venue each time."""
    first, last = TOKENS[symbols[0]], TOKENS[symbols[-1]]
    amount = to_atoms(round(Decimal(dollars) / first.opening_price, first.decimals), first)
    started_with = to_units(amount, first) * first.opening_price
    for token_in, token_out in pairwise(symbols):
        listed = [market(seed)[address] for address in pools_of_pair(token_in, token_out)]
        amount = best_route(listed, token_in, token_out, amount).expected_out
    return to_units(amount, last) * last.opening_price - started_with


def test_both_venues_list_every_token_against_sol_and_usdc() -> None:
    for token in OTHERS:
        for quote in ("SOL", "USDC"):
            listed = [market()[address] for address in pools_of_pair(token, quote)]

            assert sorted(pool.venue for pool in listed) == [METEORA, RAYDIUM]
            assert all((pool.token_a, pool.token_b) == (token, quote) for pool in listed)


def test_a_pair_is_found_in_either_direction_and_no_other_pair_is_traded() -> None:
    assert pools_of_pair("SOL", "USDC") == pools_of_pair("USDC", "SOL") != ()
    assert pools_of_pair("JUP", "WIF") == ()
    assert pools_of_pair("SOL", "SOL") == ()
    assert len(market()) == 2 * len(list(pairs())) == 2 * (1 + 2 * len(OTHERS))


def test_a_pool_goes_by_its_address() -> None:
    assert pool_address("raydium", "SOL", "USDC") == "raydium:SOL-USDC"
    assert {pool.venue for pool in market().values()} == {RAYDIUM, METEORA}
    assert all(
        pool.pool == pool_address(pool.venue, pool.token_a, pool.token_b) == address
        for address, pool in market().items()
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pool_opens_within_its_fee_of_the_opening_prices(seed: int) -> None:
    for pool in market(seed).values():
        off = worth(pool, pool.token_b) / worth(pool, pool.token_a) - 1

        assert abs(off) < fee(pool), pool.pool


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
        listed = [market(seed)[address] for address in pools_of_pair(base, quote)]
        return [worth(pool, base) + worth(pool, quote) for pool in listed]

    slack = Decimal("0.002")  # the quote's side is off by the opening spread
    assert all(5_000_000 * (1 - slack) < found < 10_000_000 * (1 + slack) for found in depth("SOL", "USDC"))
    assert all(abs(found / 5_000_000 - 1) < slack for found in depth("USDT", "USDC"))
    for base, least, most in (("JUP", 500_000, 2_000_000), ("BONK", 100_000, 1_000_000), ("WIF", 100_000, 1_000_000)):
        for quote in ("SOL", "USDC"):
            assert all(least * (1 - slack) < found < most * (1 + slack) for found in depth(base, quote))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("amount", ["0.01", "12.5", "100"])
def test_sol_trades_near_220_usdc(amount: str, seed: int) -> None:
    listed = [market(seed)[address] for address in pools_of_pair("SOL", "USDC")]
    atoms = to_atoms(Decimal(amount), TOKENS["SOL"])

    route = best_route(listed, "SOL", "USDC", atoms)

    price = max(quote.price for quote in route.quotes)
    assert 217 < price < 221


def test_the_market_follows_from_its_seed() -> None:
    assert opening_pools(7) == opening_pools(7)
    assert opening_pools(7) != opening_pools(8)
