"""How DLMM pools open: where the price puts the active bin, and how the liquidity lies around it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from orderflow.domain.pools.dlmm_math import ONE, bin_price
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.dlmm_opening import NARROW, WIDE, OpeningBins, dlmm_opening_bins, nearest_bin
from orderflow.venues.mock.prices import OPENING_PRICES

PAIRS = [
    (base, TOKENS[quote]) for base in TOKENS.values() for quote in ("USDC", "SOL") if base.symbol not in ("USDC", quote)
]


def test_liquidity_opens_evenly_around_the_price_by_hand() -> None:
    # At the price 1: $7 of either token, 3.5 atoms-shares of it: 2 for each bin of one token and 1 in the middle.
    opened = dlmm_opening_bins(TOKENS["USDT"], TOKENS["USDC"], Decimal(1), Decimal(14), 10, reach=3)

    assert opened == OpeningBins(
        active_id=0,
        lowest_id=-3,
        bins_x=(0, 0, 0, 1_000_000, 2_000_000, 2_000_000, 2_000_000),
        bins_y=(2_000_000, 2_000_000, 2_000_000, 1_000_000, 0, 0, 0),
    )


def test_what_does_not_divide_lies_in_the_active_bin() -> None:
    opened = dlmm_opening_bins(TOKENS["USDT"], TOKENS["USDC"], Decimal(1), Decimal("14.000006"), 10, reach=3)

    assert opened.bins_x == (0, 0, 0, 1_000_003, 2_000_000, 2_000_000, 2_000_000)


@pytest.mark.parametrize(("base", "quote"), PAIRS, ids=lambda token: token.symbol)
@pytest.mark.parametrize("bin_step", [NARROW.bin_step, WIDE.bin_step])
def test_the_active_bin_is_the_nearest_to_the_price(base: Token, quote: Token, bin_step: int) -> None:
    price = OPENING_PRICES[base.symbol] / OPENING_PRICES[quote.symbol]
    exact = Fraction(price) * Fraction(10) ** (quote.decimals - base.decimals)

    active_id = nearest_bin(bin_step, price, base, quote)

    def off(bin_id: int) -> Fraction:
        ratio = Fraction(bin_price(bin_step, bin_id), ONE) / exact
        return max(ratio, 1 / ratio)

    assert off(active_id) < min(off(active_id - 1), off(active_id + 1))


@pytest.mark.parametrize(("base", "quote"), PAIRS, ids=lambda token: token.symbol)
def test_both_sides_are_worth_half_of_the_dollars(base: Token, quote: Token) -> None:
    price = OPENING_PRICES[base.symbol] / OPENING_PRICES[quote.symbol]

    opened = dlmm_opening_bins(base, quote, price, Decimal(500_000), NARROW.bin_step)

    assert len(opened.bins_x) == len(opened.bins_y) == 61
    assert opened.lowest_id == opened.active_id - 30
    for token, bins in ((base, opened.bins_x), (quote, opened.bins_y)):
        dollars = Decimal(sum(bins)).scaleb(-token.decimals) * OPENING_PRICES[token.symbol]
        assert Decimal(249_999) < dollars <= 250_000
    # X from the active bin upwards, Y from it downwards, and no bin between that holds nothing.
    assert not any(opened.bins_x[:30])
    assert not any(opened.bins_y[31:])
    assert all(opened.bins_x[30:])
    assert all(opened.bins_y[:31])


@pytest.mark.parametrize(("base", "quote"), PAIRS, ids=lambda token: token.symbol)
def test_a_pool_of_narrow_bins_opens_inside_its_fee_band(base: Token, quote: Token) -> None:
    price = OPENING_PRICES[base.symbol] / OPENING_PRICES[quote.symbol]
    fee = Fraction(NARROW.base_factor * NARROW.bin_step * 10, 10**9)
    exact = Fraction(price) * Fraction(10) ** (quote.decimals - base.decimals)

    opened = dlmm_opening_bins(base, quote, price, Decimal(500_000), NARROW.bin_step)

    assert abs(Fraction(bin_price(NARROW.bin_step, opened.active_id), ONE) / exact - 1) < fee
