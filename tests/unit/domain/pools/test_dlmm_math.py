"""DLMM's bin prices and fee rates: prices seen on chain, cases by hand, and a second implementation."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.pools.dlmm_math import ONE, base_fee_rate, bin_price, fee_rate
from tests.support.dlmm_reference import price_of


@pytest.mark.parametrize(
    ("bin_step", "bin_id", "price"),
    [
        # As stored in the bins of the SOL-USDC pool HTvjzsfX3yU6BUodCjZ5vZkUrAxMDTrBs3CJaq43ashR on the main net.
        (1, -25_491, 1441833155233955132),
        (1, -25_466, 1445442066939546665),
        (1, -25_441, 1449060011759442358),
        # From the tests of the venue's own source.
        (15, 3_333, 2726140093009341558707),
        (10, 0, 2**64),
        # By hand: ⌊(2¹²⁸−1)/2⁶⁵⌋ = 2⁶³ − 1 for a step that doubles, and ⌊(2¹²⁸−1)/(2⁶³−1)⌋ = 2⁶⁵ + 4 upwards.
        (10_000, -1, 2**63 - 1),
        (10_000, 1, 2**65 + 4),
    ],
)
def test_a_bins_price_is_the_venues(bin_step: int, bin_id: int, price: int) -> None:
    assert bin_price(bin_step, bin_id) == price


@given(st.integers(1, 400), st.integers(-60_000, 60_000))
def test_a_bins_price_is_market_mds_and_close_to_the_power(bin_step: int, distance: int) -> None:
    bin_id = distance // bin_step
    price = bin_price(bin_step, bin_id)
    power = (1 + Fraction(bin_step, 10_000)) ** bin_id

    assert price == price_of(bin_step, bin_id)
    assert abs(Fraction(price, ONE) / power - 1) < Fraction(1, 10**12)
    assert bin_price(bin_step, bin_id + 1) > price


@pytest.mark.parametrize(("bin_step", "bin_id"), [(1, 2**19), (1, -(2**19)), (400, 400_000), (400, -400_000), (0, 1)])
def test_there_is_no_price_too_far_from_one(bin_step: int, bin_id: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"no price: bin step {bin_step}, bin id {bin_id}")):
        bin_price(bin_step, bin_id)


def test_the_fee_rate_grows_with_the_square_of_the_volatility_up_to_a_tenth() -> None:
    base = base_fee_rate(10, 10_000, 0)

    # 10,000·10·10 = 10⁶, which is 0.1 %; and with 35 bins: 40,000·(350,000·10)²/10¹¹ = 4,900,000.
    assert base == 1_000_000
    assert fee_rate(base, 40_000, 10, 0) == 1_000_000
    assert fee_rate(base, 40_000, 10, 350_000) == 5_900_000
    # 40,000·(10,001·10)²/10¹¹ = 4,000.8…, rounded up; and nothing at all without control.
    assert fee_rate(base, 40_000, 10, 10_001) == 1_004_001
    assert fee_rate(base, 0, 10, 350_000) == 1_000_000
    # 1 % at rest in the wide set; ten times that with a power of 1, at the cap; 7,500·(150,000·250)²/10¹¹ is over it.
    assert base_fee_rate(250, 4_000, 0) == 10_000_000
    assert base_fee_rate(250, 4_000, 1) == 100_000_000
    assert fee_rate(10_000_000, 7_500, 250, 150_000) == 100_000_000
