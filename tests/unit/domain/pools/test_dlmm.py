"""Meteora DLMM's swaps against docs/market.md: cases computed by hand, and a second implementation."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.pools import swap as entry_point
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.dlmm_math import fee_on_top
from orderflow.domain.pools.pool import Swap
from orderflow.errors import InsufficientLiquidityError, ReserveOverflowError, ZeroOutputError
from tests.support.dlmm_reference import OutOfLiquidity, ReferencePool, TooMuch
from tests.support.pool_strategies import NOW_S, capacity, dlmm, dlmm_pools, tokens

# Both tokens around a price of 1, which makes sums easy: bins at 1.001⁻¹, 1 and 1.001.
THREE_BINS = {-1: (0, 1_000_000), 0: (1_000_000, 1_000_000), 1: (1_000_000, 0)}


def test_a_swap_inside_the_active_bin_by_hand() -> None:
    # At the price 1 and 0.1 %: f = ⌈500,001·0.001⌉ = 501, net 499,500; the protocol's tenth is ⌊50.1⌋.
    swap, after = dlmm(THREE_BINS).swap("SOL", 500_001, NOW_S)

    assert swap == Swap(amount_in=500_001, amount_out=499_500, fee=501, fee_token="SOL")
    assert (after.bins_x, after.bins_y) == ((0, 1_499_500, 1_000_000), (1_000_000, 500_500, 0))
    assert (after.withheld_a, after.withheld_b, after.protocol_a, after.protocol_b) == (501, 0, 50, 0)
    assert (after.active_id, after.va, after.version) == (0, 0, 1)


def test_a_swap_down_into_the_next_bin_by_hand() -> None:
    # The active bin takes 1,000,000 and ⌈10⁶/999⌉ = 1,002 on top. The next asks 1,000,000 + 4,000 parts of 10⁹: of
    # 498,998 left f = ⌈500.99…⌉ = 501, net 498,497; the price is 1/1.001, so out = ⌊497,999.0009…⌋.
    swap, after = dlmm(THREE_BINS).swap("SOL", 1_500_000, NOW_S)

    assert swap == Swap(amount_in=1_500_000, amount_out=1_497_999, fee=1_503, fee_token="SOL")
    assert (after.bins_x, after.bins_y) == ((498_497, 2_000_000, 1_000_000), (502_001, 0, 0))
    assert (after.withheld_a, after.protocol_a) == (1_503, 150)
    assert (after.active_id, after.va, after.index_ref, after.last_s) == (-1, 10_000, 0, NOW_S)


def test_a_swap_up_into_the_next_bin_by_hand() -> None:
    # As before; of 498,998 left, net 498,497 pay ⌊498,497/1.001⌋.
    swap, after = dlmm(THREE_BINS).swap("USDC", 1_500_000, NOW_S)

    assert swap == Swap(amount_in=1_500_000, amount_out=1_497_999, fee=1_503, fee_token="USDC")
    assert (after.bins_x, after.bins_y) == ((0, 0, 502_001), (1_000_000, 2_000_000, 498_497))
    assert (after.withheld_a, after.withheld_b, after.protocol_b) == (0, 1_503, 150)
    assert (after.active_id, after.va) == (1, 10_000)


def test_a_swap_that_ends_by_emptying_a_bin_leaves_the_active_bin_and_an_atom_more_moves_it() -> None:
    pool = dlmm(THREE_BINS)
    brim = 1_000_000 + fee_on_top(1_000_000, 1_000_000)

    _, short = pool.swap("SOL", brim - 1, NOW_S)
    swap, full = pool.swap("SOL", brim, NOW_S)
    more, beyond = pool.swap("SOL", brim + 1, NOW_S)

    assert (short.bins_y[1], short.active_id, short.last_s) == (1, 0, 0)
    assert (swap.amount_out, full.bins_y[1], full.active_id, full.last_s, full.va) == (1_000_000, 0, 0, 0, 0)
    assert (more.amount_out, beyond.active_id, beyond.last_s, beyond.va) == (1_000_000, -1, NOW_S, 10_000)


def test_on_a_pool_of_steps_of_250_the_amounts_seen_on_the_program_leave_bin_15_and_give_16() -> None:
    # 41,707,102·1.025¹⁵ = 60,404,319.3…, so 60,404,320 fill the bin, and ⌈60,404,320/99⌉ = 610,145 are the fee.
    pool = dlmm(
        {15: (41_707_102, 0), 16: (10**9, 0)},
        active_id=15,
        bin_step=250,
        base_factor=4_000,
        control=7_500,
        index_ref=15,
    )

    assert [pool.swap("USDC", amount, NOW_S)[1].active_id for amount in (61_014_465, 61_014_466)] == [15, 16]


def test_the_atom_that_fills_a_bin_buys_no_more_than_it_holds() -> None:
    # At 1.025⁴⁰ = 2.685… the bin takes ⌈1,000/2.685…⌉ = 373 and ⌈373/99⌉ = 4 on top; 373 are worth 1,001.5….
    pool = dlmm({40: (0, 1_000)}, active_id=40, bin_step=250, base_factor=4_000)

    swap, after = pool.swap("SOL", 377, NOW_S)

    assert (swap.amount_out, swap.fee, after.active_id) == (1_000, 4, 40)


@pytest.mark.parametrize(("sold", "on", "back"), [("SOL", -1, 0), ("USDC", 1, 0)])
def test_a_pool_at_an_emptied_active_bin_trades_on_in_both_directions(sold: str, on: int, back: int) -> None:
    pool = dlmm(THREE_BINS, index_ref=0, last_s=NOW_S)
    bought = pool.other(sold)
    _, emptied = pool.swap_exact_out(sold, 1_000_000, NOW_S)

    further, further_on = emptied.swap(sold, 1_000, NOW_S)
    returned, turned = emptied.swap(bought, 1_000, NOW_S)

    # The next bin's price, 0.1 % worse, and ⌈1,000·0.001004⌉ = 2 of fee; on the way back the emptied bin's own.
    assert (emptied.active_id, further.amount_out, further_on.active_id) == (0, 997, on)
    assert (returned.amount_out, turned.active_id, turned.last_s) == (999, back, NOW_S)
    assert 0 <= emptied.price_impact(sold, further) < Decimal("0.001")  # of an atom, by rounding
    for token_in, swap in ((sold, further), (bought, returned)):
        assert emptied.curve(token_in, NOW_S).out(1_000) == pytest.approx(swap.amount_out, abs=1.5)


def test_empty_bins_are_passed_over() -> None:
    gap = dlmm({-5: (0, 1_000_000), -1: (10, 0), 0: (0, 100)})

    swap, after = gap.swap("SOL", 10_000, NOW_S)

    assert after.active_id == -5
    assert after.va == 50_000
    assert swap.amount_out == 100 + int((10_000 - 101 - swap.fee + 1) / 1.001**5)


@pytest.mark.parametrize(
    ("elapsed", "index_ref", "vol_ref"),
    [(0, 7, 20_000), (29, 7, 20_000), (30, 0, 30_000), (599, 0, 30_000), (600, 0, 0), (10**6, 0, 0)],
)
def test_the_references_follow_after_the_filter_period_and_forget_after_the_decay(
    elapsed: int, index_ref: int, vol_ref: int
) -> None:
    pool = dlmm(THREE_BINS, va=60_000, vol_ref=20_000, index_ref=7, last_s=NOW_S - elapsed)

    _, after = pool.swap("SOL", 1_000, NOW_S)

    assert (after.index_ref, after.vol_ref) == (index_ref, vol_ref)
    assert after.va == vol_ref + 10_000 * index_ref
    # The active bin did not change, so the clock goes on.
    assert after.last_s == NOW_S - elapsed


def test_volatility_raises_the_fee_and_time_lowers_it_again() -> None:
    pool = dlmm(dict.fromkeys(range(-9, 10), (10**6, 10**6)))
    calm, _ = pool.swap("SOL", 500_000, NOW_S)
    _, stirred = pool.swap("SOL", 6_500_000, NOW_S)
    assert (stirred.active_id, stirred.va) == (-6, 60_000)

    fees = [stirred.swap("SOL", 100_000, NOW_S + later)[0].fee for later in (29, 30, 599, 600)]

    # ⌈0.1⌉ per mille and 40,000·(60,000·10)²/10¹¹ = 144,000 parts; half the volatility, a quarter of that; none.
    assert fees == [115, 104, 104, 100]
    assert calm.fee == 500


def test_the_volatility_has_a_most() -> None:
    pool = dlmm({0: (0, 1), -50: (0, 10**6)}, max_va=350_000)

    _, after = pool.swap("SOL", 10_000, NOW_S)

    assert after.va == 350_000


def test_too_little_says_so_with_the_venues_error() -> None:
    pool = dlmm({0: (0, 10**9), -1: (0, 10**9)})

    for atoms in (0, 1):
        with pytest.raises(ZeroOutputError, match=rf"^{atoms} atoms are too few.*\(error 6039, 0x1797\)$"):
            pool.swap("SOL", atoms, NOW_S)
    assert pool.swap("SOL", 2, NOW_S)[0].amount_out == 1


def test_too_much_says_so_with_the_venues_error() -> None:
    pool = dlmm(THREE_BINS)

    with pytest.raises(InsufficientLiquidityError, match=r"runs out of USDC.*\(error 6012, 0x177c\)$"):
        pool.swap("SOL", 3_000_000, NOW_S)
    with pytest.raises(InsufficientLiquidityError, match=r"holds 2000000 atoms of SOL, 2000001 .*\(error 6012"):
        pool.swap_exact_out("USDC", 2_000_001, NOW_S)
    with pytest.raises(InsufficientLiquidityError):
        dlmm({0: (5, 0)}).swap("SOL", 1, NOW_S)


def test_an_exact_output_by_hand() -> None:
    # The active bin for 1,000,000 and 1,002; then ⌈497,998·1.001⌉ = 498,496 and ⌈498,496·r/(10⁹−r)⌉ = ⌈500.99…⌉ = 501.
    swap, after = dlmm(THREE_BINS).swap_exact_out("SOL", 1_497_998, NOW_S)

    assert swap == Swap(amount_in=1_499_999, amount_out=1_497_998, fee=1_503, fee_token="SOL")
    assert (after.bins_x, after.bins_y) == ((498_496, 2_000_000, 1_000_000), (502_002, 0, 0))
    assert (after.active_id, after.va, after.last_s) == (-1, 10_000, NOW_S)
    assert dlmm(THREE_BINS).swap_exact_out("SOL", 1_497_998, NOW_S)[0].amount_in == 1_499_999


@pytest.mark.parametrize(("wanted", "held"), [(1, 998), (2, 998), (3, 995), (999, 0), (1_000, 0)])
def test_what_rounding_yields_above_an_exact_output_leaves_the_bin_and_is_withheld(wanted: int, held: int) -> None:
    # At 1.025⁴⁰ = 2.685… an atom of X pays ⌊2.68⌋ = 2 of Y and two pay 5; 373 pay all of 1,000, also where 999 are
    # asked for.
    pool = dlmm({40: (0, 1_000)}, active_id=40, bin_step=250, base_factor=4_000)

    swap, after = pool.swap_exact_out("SOL", wanted, NOW_S)

    assert (swap.amount_out, after.bins_y, after.withheld_b) == (wanted, (held,), 1_000 - held - wanted)
    assert after.bins_x == pool.swap("SOL", swap.amount_in, NOW_S)[1].bins_x
    assert (after.withheld_a, after.protocol_b, after.active_id) == (swap.fee, 0, 40)


@pytest.mark.parametrize("token_in", ["SOL", "USDC"])
def test_bins_that_would_hold_more_than_64_bits_of_a_token_are_refused(token_in: str) -> None:
    # At 0.1 % 1,002 atoms are 1,000 and ⌈1.002⌉ = 2 of fee; the reserve they come to has room for just so many.
    full = 2**64 - 1 - 1_000
    pool = dlmm({-1: (0, 10**6), 0: (full, 10**6)} if token_in == "SOL" else {0: (10**6, full), 1: (10**6, 0)})

    _, after = entry_point.swap(pool, token_in, 1_002, NOW_S)

    assert max(after.reserve_a, after.reserve_b) == 2**64 - 1
    for trade, amount in ((entry_point.swap, 1_003), (entry_point.swap_exact_out, 1_001)):
        with pytest.raises(ReserveOverflowError, match=r"would hold 18446744073709551616 atoms"):
            trade(pool, token_in, amount, NOW_S)
    with pytest.raises(TooMuch):
        reference_of(pool).swap("x" if token_in == "SOL" else "y", 1_003, NOW_S)


def test_the_price_impact_leaves_the_fee_aside() -> None:
    pool = dlmm(THREE_BINS)

    assert str(pool.price_impact("SOL", pool.swap("SOL", 500_000, NOW_S)[0])) == "0.000000"
    # 1 − 1,497,999/(1,500,000 − 1,503) = 0.00033233…
    assert str(pool.price_impact("SOL", pool.swap("SOL", 1_500_000, NOW_S)[0])) == "0.000332"
    assert str(pool.price_impact("USDC", pool.swap("USDC", 1_500_000, NOW_S)[0])) == "0.000332"


@given(
    dlmm_pools(orderly=False),
    st.lists(st.tuples(tokens, st.integers(0, 10**9), st.integers(0, 700)), min_size=1, max_size=4),
)
def test_a_row_of_swaps_is_what_market_md_says_bit_for_bit(pool: Dlmm, row: list[tuple[str, int, int]]) -> None:
    reference, now_s = reference_of(pool), NOW_S
    for token_in, part, later in row:
        now_s += later
        # From an atom to just more than the bins take, and now and then exactly that.
        amount = 1 + capacity(pool, token_in, now_s) * part // (10**9 - 2)
        before = pool, reference_of(pool)
        try:
            swap, pool = pool.swap(token_in, amount, now_s)
        except InsufficientLiquidityError:
            with pytest.raises(OutOfLiquidity):
                reference.swap("x" if token_in == "SOL" else "y", amount, now_s)
            pool, reference = before
        except ZeroOutputError:
            assert reference.swap("x" if token_in == "SOL" else "y", amount, now_s)[0] == 0
            pool, reference = before
        else:
            assert reference.swap("x" if token_in == "SOL" else "y", amount, now_s) == (swap.amount_out, swap.fee)
        assert reference_of(pool) == reference


@given(dlmm_pools(orderly=False), tokens, st.integers(0, 6))
def test_a_swap_to_the_brim_of_a_bin_is_what_market_md_says(pool: Dlmm, token_in: str, bins: int) -> None:
    stocked = list(pool.stocked_bins(token_in, NOW_S))
    assume(stocked)
    wanted = sum(held for _, _, _, _, held in stocked[: 1 + bins % len(stocked)])
    brim = pool.swap_exact_out(token_in, wanted, NOW_S)[0].amount_in

    assert pool.swap(token_in, brim, NOW_S)[0].amount_out == wanted
    for amount in (brim - 1, brim, brim + 1):
        reference = reference_of(pool)
        try:
            swap, after = pool.swap(token_in, amount, NOW_S)
        except InsufficientLiquidityError:
            assert amount > brim
        except ZeroOutputError:
            assert amount < brim
        else:
            assert reference.swap("x" if token_in == "SOL" else "y", amount, NOW_S) == (swap.amount_out, swap.fee)
            assert reference_of(after) == reference


@given(dlmm_pools(orderly=False), tokens, st.integers(0, 10**9))
def test_an_exact_output_is_what_market_md_says_bit_for_bit(pool: Dlmm, token_in: str, part: int) -> None:
    most = sum(held for _, _, _, _, held in pool.stocked_bins(token_in, NOW_S))
    assume(most)
    wanted = max(most * part // 10**9, 1)
    sold = "x" if token_in == "SOL" else "y"

    swap, after = pool.swap_exact_out(token_in, wanted, NOW_S)

    reference = reference_of(pool)
    paid, fee = reference.swap(sold, swap.amount_in, NOW_S)
    reference.fees["y" if sold == "x" else "x"] += paid - wanted
    assert (swap.amount_out, swap.fee) == (wanted, fee)
    assert reference_of(after) == reference
    assert reference_of(pool).swap(sold, swap.amount_in - 1, NOW_S)[0] < wanted


def reference_of(pool: Dlmm) -> ReferencePool:
    """Return a pool's state in the reference's terms."""
    return ReferencePool(
        bin_step=pool.bin_step,
        base_factor=pool.base_factor,
        power=pool.power,
        control=pool.control,
        max_va=pool.max_va,
        filter_period=pool.filter_period_s,
        decay_period=pool.decay_period_s,
        reduction=pool.reduction_factor,
        share=pool.protocol_share,
        active_id=pool.active_id,
        x={pool.lowest_id + index: held for index, held in enumerate(pool.bins_x)},
        y={pool.lowest_id + index: held for index, held in enumerate(pool.bins_y)},
        va=pool.va,
        vol_ref=pool.vol_ref,
        index_ref=pool.index_ref,
        last=pool.last_s,
        fees={"x": pool.withheld_a, "y": pool.withheld_b},
        protocol={"x": pool.protocol_a, "y": pool.protocol_b},
    )
