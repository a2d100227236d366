"""How much less than quoted is accepted, and how a failure says so."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.instructions import slippage_error
from orderflow.domain.slippage import MAX_SLIPPAGE_BPS, MIN_SLIPPAGE_BPS, minimum_out, slippage_reason, to_bps

outputs = st.integers(1, 2**64 - 1)
allowed = st.integers(MIN_SLIPPAGE_BPS, MAX_SLIPPAGE_BPS)


@pytest.mark.parametrize(
    ("expected_out", "slippage_bps", "least"),
    [
        (10_000, 100, 9_900),
        (2_743_036_278, 500, 2_605_884_465),  # 5 % of it is 137,151,813.9, of which the trader allows ⌊…⌋
        (99, 100, 99),  # 1 % of 99 atoms is less than one
        (1, 5_000, 1),
        (3, 5_000, 2),
    ],
)
def test_the_minimum_out_is_the_quote_less_the_allowance_rounded_down(
    expected_out: int, slippage_bps: int, least: int
) -> None:
    assert minimum_out(expected_out, slippage_bps) == least


@given(outputs, allowed)
def test_rounding_the_minimum_out_never_costs_the_trader_more_than_allowed(
    expected_out: int, slippage_bps: int
) -> None:
    least = minimum_out(expected_out, slippage_bps)

    exact = expected_out * (1 - Fraction(slippage_bps, 10_000))
    assert exact <= least < exact + 1


@pytest.mark.parametrize(
    ("expected_out", "actual_out", "slippage_bps", "reason"),
    [
        (10_000, 9_820, 100, "Price moved 1.80% (max allowed: 1.00%)"),
        (10_000, 0, 5_000, "Price moved 100.00% (max allowed: 50.00%)"),
        (1_000_000, 989_999, 100, "Price moved 1.01% (max allowed: 1.00%)"),
        (2**64 - 1, 2**64 - 1 - (2**64 - 1) // 100 - 1, 100, "Price moved 1.01% (max allowed: 1.00%)"),
        (1_000_000, 943_211, 125, "Price moved 5.68% (max allowed: 1.25%)"),
    ],
)
def test_a_failure_says_how_far_the_price_moved_and_what_was_allowed(
    expected_out: int, actual_out: int, slippage_bps: int, reason: str
) -> None:
    found = slippage_reason(expected_out, actual_out, slippage_bps, "the error")

    assert found == f"{reason}; the error"


@pytest.mark.parametrize(
    ("pools", "error"),
    [
        (["raydium_amm_v4:SOL-USDC"], "Raydium AMM v4 error 30, 0x1e"),
        (["raydium_cpmm:SOL-USDC"], "Raydium CPMM error 6005, 0x1775"),
        (["meteora_damm_v2:SOL-USDC"], "Jupiter error 6001, 0x1771"),
        (["meteora_dlmm:SOL-USDC"], "Meteora DLMM error 6003, 0x1773"),
        (["raydium_amm_v4:SOL-USDC", "raydium_cpmm:SOL-USDC"], "Jupiter error 6001, 0x1771"),
        (["raydium_amm_v4:RAY-SOL", "raydium_amm_v4:SOL-USDC"], "Jupiter error 6001, 0x1771"),
    ],
)
def test_a_failure_has_the_error_code_of_the_venue_or_of_the_aggregator_over_several(
    pools: list[str], error: str
) -> None:
    assert (
        slippage_reason(10_000, 9_820, 100, slippage_error(pools)) == f"Price moved 1.80% (max allowed: 1.00%); {error}"
    )


@given(outputs, allowed, st.data())
def test_a_failure_never_reads_as_if_it_were_within_the_limit(
    expected_out: int, slippage_bps: int, data: st.DataObject
) -> None:
    least = minimum_out(expected_out, slippage_bps)
    assume(least > 0)
    actual_out = data.draw(st.integers(0, least - 1) | st.just(least - 1))

    reason = slippage_reason(expected_out, actual_out, slippage_bps, "the error")

    written = re.fullmatch(r"Price moved (\d+\.\d\d)% \(max allowed: (\d+\.\d\d)%\); .+", reason)
    assert written
    moved, limit = Decimal(written[1]), Decimal(written[2])
    exact = Fraction(100 * (expected_out - actual_out), expected_out)
    assert limit * 100 == slippage_bps
    assert moved > limit
    assert exact <= Fraction(moved) < exact + Fraction(1, 100)


@given(st.floats(min_value=0.01, max_value=0.5))
def test_a_double_never_allows_more_than_was_asked_for(slippage: float) -> None:
    asked = Decimal(repr(slippage))

    bps = to_bps(asked, exact=False)

    assert MIN_SLIPPAGE_BPS <= bps <= MAX_SLIPPAGE_BPS
    assert Decimal(bps) <= asked * 10_000 < bps + 1


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("slippage", ["0.00999999999", "0.50000000001", "0", "-0", "-0.05", "1E+400", "1E-400"])
def test_a_slippage_out_of_range_is_refused_as_it_was_sent(slippage: str, exact: bool) -> None:
    with pytest.raises(ValueError, match=r"^must be from 0\.01 to 0\.5$"):
        to_bps(Decimal(slippage), exact=exact)


def test_an_exact_slippage_is_in_whole_basis_points() -> None:
    assert to_bps(Decimal("0.012300")) == 123
    with pytest.raises(ValueError, match=r"^must have at most 4 decimals$"):
        to_bps(Decimal("0.01230000001"))
