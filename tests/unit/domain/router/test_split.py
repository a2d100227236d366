"""The split over the pools of one pair: optimal by its conditions and its bound, exact in its atoms."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.pools.curves import Hyperbola
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.swap import swap
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.network import Pair
from orderflow.domain.router.pair import PairCurve
from orderflow.domain.router.plan import Plan, plan_single, plan_split
from orderflow.domain.router.split import split, upper_bound
from orderflow.errors import InsufficientLiquidityError, NoRouteError, RejectedError, ZeroOutputError
from orderflow.venues.mock.dlmm_opening import NARROW
from orderflow.venues.mock.universe import opening_pools
from tests.support.builders import amm_v4, cpmm, damm_v2
from tests.support.router_pools import (
    NOW_S,
    amounts,
    any_pools,
    best_split_slowly,
    bins,
    check_legs_fit,
    constant_product_pools,
    exact_out,
    kept,
    most_by_golden_sections,
    named,
    pools_of_one_pair,
    steps_of,
    view_of,
)

A_HUNDREDTH_BP = 1e-6


def pair_of(pools: Sequence[Pool], token_in: str = "SOL") -> Pair:
    """Return the directed pair that pools of SOL and USDC make."""
    pair = view_of(pools).pair(token_in, "USDC" if token_in == "SOL" else "SOL")
    assert pair is not None
    return pair


def planned(pools: Sequence[Pool], amount: int, *, leg_cost: float = 0.0) -> Plan:
    """Split an amount of SOL; leave amounts that no pool takes out of the search."""
    try:
        return plan_split(view_of(pools), "SOL", "USDC", amount, leg_cost=leg_cost)
    except RejectedError:
        for pool in pools:
            with pytest.raises(RejectedError):
                swap(pool, "SOL", amount, NOW_S)
        assume(False)
        raise


def rounding(pools: Sequence[Pool], price: float) -> float:
    """Return how many atoms out all pools together may lose by rounding, at prices up to `price`.

    A pool rounds its output and its fee, and its part of the input is whole; a bin rounds its capacity and its fee.
    """
    bins_met = sum(len(steps_of(pool, "SOL")) if isinstance(pool, Dlmm) else 1 for pool in pools)
    return (1 + 3 * price) * (bins_met + len(pools))


def best_price(pools: Sequence[Pool]) -> float:
    """Return the highest price that any pool opens at."""
    return pair_of(pools).curve.price


# --- A pool's curve --------------------------------------------------------------------------------------------------


@given(any_pools("a"), st.sampled_from(["SOL", "USDC"]), amounts)
def test_a_curve_pays_what_its_pool_would_pay_without_rounding(pool: Pool, token_in: str, amount: int) -> None:
    curve = pool.curve(token_in, NOW_S)

    assert curve.out(amount) == pytest.approx(float(exact_out(pool, token_in, Fraction(amount))), rel=1e-12)


@given(any_pools("a"), st.sampled_from(["SOL", "USDC"]), amounts)
def test_no_swap_pays_more_than_the_curve(pool: Pool, token_in: str, amount: int) -> None:
    try:
        result, _ = swap(pool, token_in, amount, NOW_S)
    except RejectedError:
        assume(False)

    assert result.amount_out <= pool.curve(token_in, NOW_S).out(amount) * (1 + 1e-12)


@given(any_pools("a"), st.sampled_from(["SOL", "USDC"]))
def test_the_first_price_is_what_a_very_small_input_earns(pool: Pool, token_in: str) -> None:
    small = Fraction(1, 10**9)

    earned = float(exact_out(pool, token_in, small) / small)

    assert pool.first_price(token_in, NOW_S) == pytest.approx(earned, rel=1e-12)


@given(any_pools("a"), st.floats(0.5, 2.0), amounts)
def test_no_input_earns_more_over_a_price_than_the_surplus(pool: Pool, price: float, amount: int) -> None:
    curve = pool.curve("SOL", NOW_S)

    assert curve.out(amount) - price * amount <= curve.surplus(price) + 1e-12 * curve.out(amount)


# --- The curve of a pair ---------------------------------------------------------------------------------------------


@given(pools_of_one_pair(), amounts)
def test_a_pairs_curve_is_the_sum_of_its_pools_parts(pools: list[Pool], amount: int) -> None:
    pair = pair_of(pools)

    price, parts = pair.curve.parts(amount)

    paid, marginal, _ = pair.curve.at(amount)
    depth = sum(curve.d for curve in pair.curve.curves.values() if isinstance(curve, Hyperbola))
    assert sum(part for _, part in parts) == pytest.approx(amount, abs=1e-12 * (depth + amount))
    assert paid == pytest.approx(sum(pair.curve.curves[n].out(part) for n, part in parts), rel=1e-9, abs=1e-12 * depth)
    assert marginal == pytest.approx(price, rel=1e-12)


@given(pools_of_one_pair(), st.lists(st.floats(0, 1e13), min_size=2, max_size=10))
def test_a_pairs_curve_rises_ever_less(pools: list[Pool], inputs: list[float]) -> None:
    curve = pair_of(pools).curve
    points = [(amount, *curve.at(amount)) for amount in sorted(inputs)]

    for (amount, paid, price, _), (more, more_paid, lower_price, slope) in pairwise(points):
        slack = 1e-9 * more_paid
        assert lower_price <= price * (1 + 1e-12)
        assert slope >= 0
        assert lower_price * (more - amount) - slack <= more_paid - paid <= price * (more - amount) + slack


@given(pools_of_one_pair(), amounts)
def test_a_pairs_curve_can_be_read_backwards(pools: list[Pool], amount: int) -> None:
    curve = pair_of(pools).curve
    paid, price, _ = curve.at(amount)

    assert curve.at(curve.input_for(paid))[0] == pytest.approx(paid, rel=1e-9)
    best = curve.best_input(price)  # where a whole bin earns just that price, one of several that are as good
    assert curve.at(best)[0] - price * best == pytest.approx(curve.surplus(price), rel=1e-9)


# --- Optimality ------------------------------------------------------------------------------------------------------


@given(pools_of_one_pair(), amounts)
def test_the_bound_proves_the_split(pools: list[Pool], amount: int) -> None:
    plan, curve = planned(pools, amount), pair_of(pools).curve

    bound = upper_bound(curve, amount, split(curve, amount).price)

    # The bound is above all that the pools could pay, and the split reaches it, rounding to atoms aside.
    assert plan.amount_out <= bound * (1 + 1e-12)
    assert plan.amount_out >= bound * (1 - A_HUNDREDTH_BP) - rounding(pools, best_price(pools))


@given(pools_of_one_pair(most=4), amounts, st.lists(st.integers(0, 100), min_size=4, max_size=4), st.floats(0.9, 1.1))
def test_no_other_split_comes_above_the_bound_at_any_price(
    pools: list[Pool], amount: int, weights: list[int], shift: float
) -> None:
    assume(any(weights[: len(pools)]))
    total = sum(weights[: len(pools)])
    paid = sum(
        exact_out(pool, "SOL", Fraction(amount * weight, total)) for pool, weight in zip(pools, weights, strict=False)
    )

    curve = pair_of(pools).curve
    price = split(curve, amount).price * shift

    assert float(paid) <= upper_bound(curve, amount, price) * (1 + 1e-12)


@given(pools_of_one_pair(), amounts)
def test_pools_in_use_end_at_one_price_and_no_other_offers_more(pools: list[Pool], amount: int) -> None:
    pair = pair_of(pools)

    price, parts = pair.curve.parts(amount)

    taken, by_address = dict(parts), {pool.pool: pool for pool in pools}
    for number, pool in enumerate(pair.pools):
        part = taken.get(number, 0.0)
        before, after = marginal_prices(by_address[pool.pool], part)
        assert after <= price * (1 + 1e-7)
        if part > 1:
            assert before >= price * (1 - 1e-7)


def marginal_prices(pool: Pool, part: float) -> tuple[float, float]:
    """Return what the last atom before an input earns, and the first after it: they differ where a bin is full."""
    if isinstance(pool, Dlmm):
        prices = [bin_price_at(pool, part * (1 - 1e-9) - 1e-6), bin_price_at(pool, part * (1 + 1e-9) + 1e-6)]
        return prices[0], prices[1]
    reserve_in, reserve_out = pool.reserves("SOL")
    of_input, of_output = kept(pool)
    slope = float(of_output * of_input * reserve_in * reserve_out / (reserve_in + of_input * Fraction(part)) ** 2)
    return slope, slope


def bin_price_at(pool: Dlmm, part: float) -> float:
    """Return the price of the bin at which an input ends, 0 beyond the last."""
    for price, capacity in steps_of(pool, "SOL"):
        part -= float(capacity)
        if part < 0:
            return float(price)
    return 0.0


@given(pools_of_one_pair(), amounts)
def test_a_slow_search_finds_nothing_better(pools: list[Pool], amount: int) -> None:
    plan = planned(pools, amount)

    best = float(best_split_slowly(pools, "SOL", amount))

    assert plan.amount_out <= best * (1 + 1e-12)
    assert plan.amount_out >= best * (1 - A_HUNDREDTH_BP) - rounding(pools, best_price(pools))


@given(constant_product_pools("a"), constant_product_pools("b"), st.integers(10**5, 10**12))
def test_between_two_pools_golden_sections_find_the_same(a: Pool, b: Pool, amount: int) -> None:
    plan = planned([a, b], amount)

    def paid(part: Fraction) -> Fraction:
        return exact_out(a, "SOL", part) + exact_out(b, "SOL", amount - part)

    best = most_by_golden_sections(paid, amount)

    assert plan.amount_out >= best * (1 - A_HUNDREDTH_BP) - rounding([a, b], best_price([a, b]))
    assert plan.amount_out <= best * (1 + 1e-9)


# --- What a split promises -------------------------------------------------------------------------------------------


@given(pools_of_one_pair(), amounts)
def test_the_parts_sum_to_the_order_and_no_single_pool_pays_more(pools: list[Pool], amount: int) -> None:
    plan = planned(pools, amount)

    check_legs_fit(plan.legs, "SOL", "USDC", amount)
    assert sum(leg.share_bps for leg in plan.legs) == 10_000
    assert len({leg.pool for leg in plan.legs}) == len(plan.legs)
    assert plan.amount_out == sum(leg.amount_out for leg in plan.legs)
    assert plan.amount_out >= plan_single(view_of(pools), "SOL", "USDC", amount).amount_out
    for pool in pools:
        try:
            alone, _ = swap(pool, "SOL", amount, NOW_S)
        except RejectedError:
            continue
        assert plan.amount_out >= alone.amount_out


@given(pools_of_one_pair(), amounts)
def test_every_leg_is_what_its_venue_would_execute(pools: list[Pool], amount: int) -> None:
    by_name = {pool.pool: pool for pool in pools}

    for leg in planned(pools, amount).legs:
        result, _ = swap(by_name[leg.pool], "SOL", leg.amount_in, NOW_S)
        assert (result.amount_out, result.fee, result.fee_token) == (leg.amount_out, leg.fee, leg.fee_token)


@given(pools_of_one_pair(), amounts, amounts)
def test_more_in_pays_no_less(pools: list[Pool], amount: int, more: int) -> None:
    less_paid, more_paid = planned(pools, amount).amount_out, planned(pools, amount + more).amount_out

    assert more_paid >= less_paid * (1 - A_HUNDREDTH_BP) - rounding(pools, best_price(pools))


@given(pools_of_one_pair(), amounts)
def test_removing_a_pool_in_use_never_improves(pools: list[Pool], amount: int) -> None:
    plan = planned(pools, amount)

    for leg in plan.legs:
        others = [pool for pool in pools if pool.pool != leg.pool]
        if not others:
            continue
        try:
            without = plan_split(view_of(others), "SOL", "USDC", amount)
        except RejectedError:
            continue
        assert without.amount_out <= plan.amount_out * (1 + A_HUNDREDTH_BP) + rounding(pools, best_price(pools))


@given(pools_of_one_pair(most=4), amounts)
def test_a_plan_does_not_depend_on_the_order_or_the_age_of_the_view(pools: list[Pool], amount: int) -> None:
    plan = planned(pools, amount)

    for listed in permutations(pools):
        view = view_of(listed)
        assert plan_split(view, "SOL", "USDC", amount) == plan
        assert plan_split(view, "SOL", "USDC", amount) == plan


# --- Legs that gain too little ---------------------------------------------------------------------------------------


@given(pools_of_one_pair(), amounts, st.floats(0, 1e6))
def test_a_split_gives_up_no_more_than_the_legs_it_saves_would_cost(
    pools: list[Pool], amount: int, leg_cost: float
) -> None:
    best, thrifty = planned(pools, amount), planned(pools, amount, leg_cost=leg_cost)

    saved = len(pools) - len(thrifty.legs)
    assert thrifty.amount_out >= best.amount_out - saved * leg_cost - A_HUNDREDTH_BP * best.amount_out - rounding(
        pools, best_price(pools)
    )


@given(pools_of_one_pair(any_type=False), amounts)
def test_where_legs_cost_more_than_the_order_one_pool_takes_it(pools: list[Pool], amount: int) -> None:
    assert len(planned(pools, amount, leg_cost=1e18).legs) == 1


def test_a_hundred_dollars_are_not_split_over_eight_pools() -> None:
    pools = [named(cpmm(10**13 + number, 2_200 * 10**9), f"pool {number}") for number in range(8)]
    amount = 454_545_454  # SOL at 220 dollars

    assert len(planned(pools, amount).legs) == 8
    # All eight gain about a fifth of a cent over one; no leg brings a tenth of a cent.
    assert len(planned(pools, amount, leg_cost=1_000).legs) < 4


# --- By hand ---------------------------------------------------------------------------------------------------------


def test_two_equal_pools_share_alike() -> None:
    pools = [named(amm_v4(10**12, 10**12), "a"), named(amm_v4(10**12, 10**12), "b")]

    plan = planned(pools, 1_000_000_001)

    assert sorted(leg.amount_in for leg in plan.legs) == [500_000_000, 500_000_001]
    assert sorted(leg.share_bps for leg in plan.legs) == [5_000, 5_000]


def test_a_bin_that_pays_more_than_the_pool_opens_at_is_filled_first() -> None:
    # The bin pays 0.999 for one (a base fee of 0.1 %), the pool opens at 0.9975.
    pools: list[Pool] = [named(amm_v4(10**12, 10**12), "pool"), bins("bin", [9_990_000])]

    small, large = planned(pools, 5_000_000), planned(pools, 20_000_000)

    assert [(leg.pool, leg.amount_in) for leg in small.legs] == [("bin", 5_000_000)]
    assert {leg.pool: leg.amount_in for leg in large.legs} == {"bin": 10_000_000, "pool": 10_000_000}


def test_atoms_left_over_go_where_there_is_room() -> None:
    # The bin is full with 1,001,001 of the atoms, and by far the largest part; its pool would take no atom more.
    pools: list[Pool] = [
        named(amm_v4(10**7, 97 * 10**5), "a"),
        named(amm_v4(10**7, 97 * 10**5), "b"),
        bins("bin", [10**6]),
    ]

    plan = planned(pools, 1_007_389)

    assert {leg.pool: leg.amount_in for leg in plan.legs}["bin"] == 1_001_001
    assert len(plan.legs) > 1


def test_the_closed_form_of_two_unequal_pools() -> None:
    # Opening prices 4 and 1, no fees: b = √(R·S) = 2·10¹² and 10¹², d = R. For A = 10¹² both are open:
    # 1/√λ = (A + Σd)/Σb = 3·10¹²/3·10¹² = 1, so x = 2·10¹² − 10¹² = 10¹² and 0.
    pools = [named(damm_v2(10**12, 4 * 10**12, 0), "a"), named(damm_v2(10**12, 10**12, 0), "b")]

    price, parts = pair_of(pools).curve.parts(10**12 + 3)

    assert price == pytest.approx(1, rel=1e-9)
    assert dict(parts) == pytest.approx({0: 10**12 + 2, 1: 1}, abs=0.1)


# --- Errors and the view ---------------------------------------------------------------------------------------------


def test_where_all_bins_together_hold_too_little_the_order_is_refused() -> None:
    pools = [bins("a", [1_000_000]), bins("b", [1_000_000])]

    with pytest.raises(InsufficientLiquidityError):
        plan_split(view_of(pools), "SOL", "USDC", 3_000_000)
    assert len(planned(pools, 1_900_000).legs) == 2


def test_an_order_too_small_for_any_pool_is_refused_with_the_venues_reason() -> None:
    with pytest.raises(ZeroOutputError, match="1 atoms are too few"):
        plan_split(view_of([amm_v4(), damm_v2()]), "SOL", "USDC", 1)


def test_a_pair_without_pools_has_no_split() -> None:
    with pytest.raises(NoRouteError, match="^no venue trades SOL against USDC$"):
        plan_split(MarketView(), "SOL", "USDC", 1)


def test_a_venue_alone_is_split_over_its_own_pools() -> None:
    view = view_of([amm_v4(), cpmm(), damm_v2()])

    for venue in ("meteora", "raydium"):
        plan = plan_split(view, "SOL", "USDC", 10**14, venues=venue)
        assert {leg.venue for leg in plan.legs} == {venue}


def test_curves_are_kept_until_a_pool_changes() -> None:
    pools = opening_pools(1)
    view = MarketView(pools, NOW_S)
    pair, other = view.pair("SOL", "USDC"), view.pair("JUP", "USDC")

    view.refresh(opening_pools(1), NOW_S + 1)

    assert view.pair("SOL", "USDC") is pair
    pool = next(pool for pool in pools if {pool.token_a, pool.token_b} == {"SOL", "USDC"})
    view.refresh([swap(pool, "SOL", 10**9, NOW_S)[1]], NOW_S + 1)
    assert view.pair("SOL", "USDC") is not pair
    assert view.pair("JUP", "USDC") is other


def test_a_fee_that_falls_with_time_brings_a_new_curve() -> None:
    pool = bins("a", [10**9] * 3, va=300_000, last_s=NOW_S)
    view = MarketView([pool], NOW_S)
    before = view.pair("SOL", "USDC")
    assert before is not None

    view.refresh([pool], NOW_S + NARROW.filter_period_s - 1)
    assert view.pair("SOL", "USDC") is before
    for elapsed in (NARROW.filter_period_s, NARROW.decay_period_s):
        view.refresh([pool], NOW_S + elapsed)
        after = view.pair("SOL", "USDC")
        assert after is not None
        assert after.curve.price > before.curve.price
        fresh = PairCurve({0: pool.curve("SOL", NOW_S + elapsed)})
        assert after.curve.price == fresh.price
        before = after
