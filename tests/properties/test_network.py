"""Routes over several hops: what they promise, how good they are, and when they are not looked for at all."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import swap
from orderflow.domain.router import several_paths
from orderflow.domain.router.allocation import best_flow, bound_of
from orderflow.domain.router.dual_bound import bound_at, most_gained, path_values, token_values
from orderflow.domain.router.execute import run_legs
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.network import topology
from orderflow.domain.router.paths import BestPlan
from orderflow.domain.router.plan import Plan, plan_route, plan_split
from orderflow.domain.router.several_paths import offer_flow
from orderflow.domain.router.swapper import Swapper
from orderflow.domain.router.two_paths import divide, follow, fork_of
from orderflow.domain.tokens import TOKENS
from orderflow.errors import InsufficientLiquidityError, NoRouteError, RejectedError
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import opening_pools
from tests.support.builders import amm_v4
from tests.support.router_pools import (
    NOW_S,
    amounts,
    any_pools,
    bins,
    check_legs_fit,
    constant_product_pools,
    exact_out,
    most_by_golden_sections,
    named,
    view_of,
)

HALF_A_BP = 0.5e-4
NOTHING = 1e-30
SIZES_USD = (100, 1_000, 10_000, 100_000, 1_000_000)
WAYS = (("SOL", "USDC"), ("USDC", "SOL"), ("JUP", "USDC"), ("SOL", "BONK"), ("JUP", "WIF"), ("mSOL", "ORCA"))


def market_cases() -> Iterator[tuple[MarketView, str, str, int]]:
    """Orders of all sizes over the whole universe at its opening."""
    for seed in (1, 2, 3):
        view = MarketView(opening_pools(seed), NOW_S)
        for token_in, token_out in WAYS:
            for dollars in SIZES_USD:
                yield view, token_in, token_out, worth(dollars, token_in)


def worth(dollars: int, token: str) -> int:
    """Return the atoms of a token that so many dollars buy."""
    return int((Decimal(dollars) / OPENING_PRICES[token]).scaleb(TOKENS[token].decimals))


@st.composite
def tangles(draw: st.DrawFn) -> list[Pool]:
    """Pools between up to five tokens, of any pairs, prices up to 3 % off, so that cycles may be free."""
    tokens = ["SOL", "USDC", "JUP", "WIF", "RAY"][: draw(st.integers(3, 5))]
    pairs = [(one, other) for number, one in enumerate(tokens) for other in tokens[number + 1 :]]
    pools: list[Pool] = []
    for number, pair in enumerate(draw(st.lists(st.sampled_from(pairs), min_size=2, max_size=9))):
        pools.append(draw(any_pools(f"pool {number}", pair)))
    return pools


def routed(pools: Sequence[Pool], amount: int) -> Plan:
    """Route an amount of SOL to USDC; leave what can't be routed out of the search."""
    try:
        return plan_route(view_of(pools), "SOL", "USDC", amount)
    except RejectedError:
        assume(False)
        raise


# --- How good --------------------------------------------------------------------------------------------------------


def test_in_the_universe_routes_are_proved_within_half_a_bp_of_the_best_in_the_ordinary_case() -> None:
    gaps = []
    for view, token_in, token_out, amount in market_cases():
        plan = plan_route(view, token_in, token_out, amount)

        bound = bound_of(view.network(token_in, token_out), amount)
        assert plan.amount_out <= bound * (1 + 1e-9)
        gaps.append(bound / plan.amount_out - 1)

    gaps.sort()
    assert gaps[len(gaps) * 9 // 10] <= HALF_A_BP
    assert gaps[len(gaps) // 2] <= HALF_A_BP / 50


def test_in_the_universe_a_route_never_pays_less_than_the_split_and_its_legs_fit() -> None:
    for view, token_in, token_out, amount in market_cases():
        plan = plan_route(view, token_in, token_out, amount)

        check_plan(plan, token_in, token_out, amount)
        if view.pair(token_in, token_out) is not None:
            assert plan.amount_out >= plan_split(view, token_in, token_out, amount).amount_out


def test_between_two_tokens_in_between_values_decide_on_the_direction() -> None:
    # A large order that would open USDC→SOL too early, and then find SOL→USDC closed.
    view, amount = MarketView(opening_pools(5), NOW_S), worth(1_000_000, "WIF")

    plan = plan_route(view, "WIF", "USDT", amount)

    assert plan.amount_out >= bound_of(view.network("WIF", "USDT"), amount) * (1 - 1e-4)


def check_plan(plan: Plan, token_in: str, token_out: str, amount: int) -> None:
    """Assert that the legs can be run in their order, use no pool twice, and state their shares."""
    check_legs_fit(plan.legs, token_in, token_out, amount)
    assert plan.amount_out == sum(leg.amount_out for leg in plan.legs if leg.token_out == token_out)
    assert len({leg.pool for leg in plan.legs}) == len(plan.legs)
    assert sum(leg.share_bps for leg in plan.legs if leg.token_in == token_in) == 10_000
    assert sum(leg.share_bps for leg in plan.legs if leg.token_out == token_out) == 10_000
    for token in {leg.token_in for leg in plan.legs} - {token_in}:
        paid = sum(leg.share_bps for leg in plan.legs if leg.token_out == token)
        assert sum(leg.share_bps for leg in plan.legs if leg.token_in == token) == paid


@given(
    constant_product_pools("direct"),
    constant_product_pools("first", ("SOL", "JUP")),
    constant_product_pools("second", ("JUP", "USDC")),
    st.integers(10**5, 10**13),
)
def test_between_a_pool_and_a_path_of_two_hops_golden_sections_find_nothing_better(
    direct: Pool, first: Pool, second: Pool, amount: int
) -> None:
    plan = routed([direct, first, second], amount)

    def paid(part: Fraction) -> Fraction:
        between = exact_out(first, "SOL", amount - part)
        return exact_out(direct, "SOL", part) + exact_out(second, "JUP", between.limit_denominator(10**20))

    best = most_by_golden_sections(paid, amount)

    assert plan.amount_out <= best * (1 + 1e-9)
    assert plan.amount_out >= best * (1 - 1e-6) - 20


@given(tangles(), amounts)
@settings(max_examples=200)
def test_any_tangle_gives_a_route_that_can_be_run(pools: list[Pool], amount: int) -> None:
    plan = routed(pools, amount)
    by_name = {pool.pool: pool for pool in pools}

    check_plan(plan, "SOL", "USDC", amount)
    for leg in plan.legs:
        result, _ = swap(by_name[leg.pool], leg.token_in, leg.amount_in, NOW_S)
        assert (result.amount_out, result.fee, result.fee_token) == (leg.amount_out, leg.fee, leg.fee_token)
    try:
        direct = plan_split(view_of(pools), "SOL", "USDC", amount)
    except RejectedError:
        return
    assert plan.amount_out >= direct.amount_out


@given(tangles(), amounts)
@settings(max_examples=200)
def test_no_route_through_a_tangle_pays_more_than_its_bound(pools: list[Pool], amount: int) -> None:
    plan = routed(pools, amount)

    assert plan.amount_out <= bound_of(view_of(pools).network("SOL", "USDC"), amount) * (1 + 1e-9)


@given(tangles(), st.integers(10**3, 10**12), st.floats(0.8, 1.25))
@settings(max_examples=200)
def test_the_bound_holds_at_any_values(pools: list[Pool], amount: int, shift: float) -> None:
    plan, network = routed(pools, amount), view_of(pools).network("SOL", "USDC")
    values = token_values(best_flow(network, amount))

    for token in set(values) - {"USDC"}:
        shifted = values | {token: values[token] * shift}
        assert plan.amount_out <= bound_at(network, amount, shifted) * (1 + 1e-9)


# --- Execution -------------------------------------------------------------------------------------------------------


def test_run_again_on_the_same_pools_a_route_yields_what_it_promised() -> None:
    for view, token_in, token_out, amount in market_cases():
        plan = plan_route(view, token_in, token_out, amount)
        pools = {leg.pool: view.pool(leg.pool) for leg in plan.legs}

        fills, changed = run_legs(plan.legs, pools, NOW_S)

        assert fills == plan.legs
        assert set(changed) == set(pools)


@given(tangles(), st.integers(10**4, 10**12), st.lists(st.integers(0, 10**12), min_size=9, max_size=9))
@settings(max_examples=200)
def test_run_on_pools_that_have_moved_a_route_still_leaves_nothing_in_between(
    pools: list[Pool], amount: int, trades: list[int]
) -> None:
    plan = routed(pools, amount)
    moved: dict[str, Pool] = {}
    for pool, trade in zip(pools, trades, strict=False):
        try:
            _, moved[pool.pool] = swap(pool, pool.token_b if trade % 2 else pool.token_a, trade, NOW_S)
        except RejectedError:
            moved[pool.pool] = pool

    try:
        fills, changed = run_legs(plan.legs, moved, NOW_S)
    except RejectedError:
        assume(False)

    check_legs_fit(fills, "SOL", "USDC", amount)
    assert [(fill.pool, fill.share_bps) for fill in fills] == [(leg.pool, leg.share_bps) for leg in plan.legs]
    for fill in fills:
        assert swap(moved[fill.pool], fill.token_in, fill.amount_in, NOW_S)[1] == changed[fill.pool]


def test_a_refused_leg_refuses_the_route_and_changes_nothing() -> None:
    pools = [named(amm_v4(10**9, 10**9), "first", ("SOL", "JUP")), bins("second", [10**9], tokens=("JUP", "USDC"))]
    plan = plan_route(view_of(pools), "SOL", "USDC", 10**6)
    emptied = bins("second", [10], tokens=("JUP", "USDC"))
    at_landing: dict[str, Pool] = {"first": pools[0], "second": emptied}

    with pytest.raises(InsufficientLiquidityError):
        run_legs(plan.legs, at_landing, NOW_S)

    assert at_landing == {"first": pools[0], "second": emptied}


def test_a_plan_does_not_depend_on_the_order_or_the_age_of_the_view() -> None:
    pools = opening_pools(1)
    fresh, backwards = MarketView(pools, NOW_S), MarketView(pools[::-1], NOW_S)
    used = MarketView(opening_pools(2), NOW_S)
    amount = worth(50_000, "JUP")
    plan_route(used, "JUP", "USDC", amount)
    used.refresh(pools, NOW_S)

    plan = plan_route(fresh, "JUP", "USDC", amount)

    assert plan_route(backwards, "JUP", "USDC", amount) == plan
    assert plan_route(used, "JUP", "USDC", amount) == plan
    assert plan_route(fresh, "JUP", "USDC", amount) == plan


# --- When hops are searched ------------------------------------------------------------------------------------------


def test_an_order_that_cannot_gain_from_hops_does_not_pay_for_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each hop costs a quarter of a per cent, and no price is off.
    pools = [
        named(amm_v4(10**15, 10**15), "direct"),
        named(amm_v4(10**15, 10**15), "first", ("SOL", "JUP")),
        named(amm_v4(10**15, 10**15), "second", ("JUP", "USDC")),
    ]
    view = view_of(pools)
    small, large = plan_split(view, "SOL", "USDC", 10**9), plan_split(view, "SOL", "USDC", 10**13)
    monkeypatch.setattr(several_paths, "best_flow", lambda *_: pytest.fail("searched"))

    assert plan_route(view, "SOL", "USDC", 10**9) == small
    monkeypatch.undo()
    assert plan_route(view, "SOL", "USDC", 10**13).amount_out > large.amount_out


@given(tangles(), amounts, st.data())
@settings(max_examples=400)
def test_another_path_adds_no_more_to_one_than_the_bound_that_decides_on_it(
    pools: list[Pool], amount: int, data: st.DataObject
) -> None:
    network = view_of(pools).network("SOL", "USDC")
    assume(len(network.topology.paths) > 1)
    one, other = data.draw(st.permutations(network.topology.paths))[:2]
    fork = fork_of(network.topology, one, other)
    division = divide(network, fork, amount) if fork else None
    assume(division is not None)
    assert division is not None
    prices: dict[int, float] = {}
    paid = follow(network.pairs, one, amount, prices)

    gain = most_gained(network, other, one, path_values(network.topology, one, prices), amount)

    assert gain >= 0
    # Behind the last bin an atom still earns LAST_PRICE, for prices can not be 0: far less than an atom in all.
    assert division.paid <= (paid + gain) * (1 + 1e-9) + NOTHING


def test_the_tokens_that_are_left_out_of_a_search_gain_less_than_their_legs_cost() -> None:
    for view, token_in, token_out, amount in market_cases():
        leg_cost, network = float(worth(1, token_out)) / 20, view.network(token_in, token_out)

        plan = plan_route(view, token_in, token_out, amount, leg_cost=leg_cost)

        searched = BestPlan(leg_cost, Swapper(view.now_s))
        offer_flow(searched, network, amount)
        value = searched.paid - leg_cost * len(searched.swaps)
        assert plan.amount_out - leg_cost * len(plan.legs) >= value - leg_cost


def test_an_order_that_no_second_path_can_gain_by_does_not_even_pay_for_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = MarketView(opening_pools(1), NOW_S)
    monkeypatch.setattr(several_paths, "most_gained", lambda *_, **__: pytest.fail("looked for a bound"))

    for token_in, token_out in WAYS:
        leg_cost = float(worth(1, token_out))
        assert plan_route(view, token_in, token_out, worth(10, token_in), leg_cost=leg_cost).legs


def test_a_small_pool_of_the_pair_is_used_beside_a_deep_path() -> None:
    pools = [
        named(amm_v4(10_000_000, 9_700_000), "direct"),
        named(amm_v4(56_024_966_263, 55_459_114_103), "first", ("SOL", "JUP")),
        named(amm_v4(43_881_824_088, 42_565_369_365), "second", ("JUP", "USDC")),
    ]

    plan = plan_route(view_of(pools), "SOL", "USDC", 163_035)

    assert {leg.pool for leg in plan.legs} == {"direct", "first", "second"}


def test_a_hop_is_split_over_its_pools_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = [
        named(amm_v4(10**15, 10**15), "first", ("SOL", "JUP")),
        named(amm_v4(10**12, 10**12), "second", ("JUP", "USDC")),
        named(amm_v4(10**12, 10**12), "twin", ("JUP", "USDC")),
    ]
    monkeypatch.setattr(several_paths, "best_flow", lambda *_: pytest.fail("searched"))

    plan = plan_route(view_of(pools), "SOL", "USDC", 10**10, leg_cost=1_000.0)

    assert [leg.pool for leg in plan.legs] == ["first", "second", "twin"]
    assert plan.amount_out >= best_flow(view_of(pools).network("SOL", "USDC"), 10**10).output - 10
    check_plan(plan, "SOL", "USDC", 10**10)


def test_a_network_within_some_tokens_has_their_paths_and_curves_alone() -> None:
    network = MarketView(opening_pools(1), NOW_S).network("JUP", "WIF")

    part, numbers = network.within(frozenset({"JUP", "SOL", "WIF"}))
    whole, _ = network.within(frozenset(TOKENS))

    assert [part.topology.directions[number] for path in part.topology.paths for number in path] == [
        ("JUP", "SOL"),
        ("SOL", "WIF"),
    ]
    assert [(pair.token_in, pair.token_out) for pair in part.pairs] == list(part.topology.directions)
    assert part.curves == [pair.curve for pair in part.pairs]
    assert all(network.pairs[number] is part.pairs[there] for number, there in numbers.items())
    assert whole.topology == network.topology


def test_a_dearer_leg_means_fewer_legs() -> None:
    view, amount = MarketView(opening_pools(1), NOW_S), worth(100_000, "SOL")
    costs = [0.0, 10_000.0, 1_000_000.0, 100_000_000.0]

    plans = [plan_route(view, "SOL", "USDC", amount, leg_cost=leg_cost) for leg_cost in costs]

    counts = [len(plan.legs) for plan in plans]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    for plan, leg_cost in zip(plans, costs, strict=True):
        assert plan.amount_out >= plans[0].amount_out - leg_cost * counts[0] - HALF_A_BP * plans[0].amount_out


# --- Paths -----------------------------------------------------------------------------------------------------------


def test_paths_have_up_to_three_hops_and_meet_no_token_twice() -> None:
    pairs = [("A", "B"), ("B", "C"), ("C", "D"), ("D", "E"), ("A", "C")]
    directions = frozenset(pairs + [(end, start) for start, end in pairs])

    plan = topology(directions, "A", "D")

    paths = [[plan.directions[number] for number in path] for path in plan.paths]
    assert paths == [[("A", "C"), ("C", "D")], [("A", "B"), ("B", "C"), ("C", "D")]]
    assert topology(directions, "A", "E").paths
    assert not topology(directions - {("A", "C"), ("C", "A")}, "A", "E").paths


def test_tokens_without_a_common_pool_are_traded_over_others() -> None:
    view = MarketView(opening_pools(1), NOW_S)

    plan = plan_route(view, "JUP", "WIF", worth(1_000, "JUP"))

    assert {leg.token_out for leg in plan.legs} <= {"SOL", "USDC", "WIF"}
    check_plan(plan, "JUP", "WIF", worth(1_000, "JUP"))


def test_a_path_of_four_hops_is_none() -> None:
    tokens = ["SOL", "JUP", "RAY", "WIF", "USDC"]
    pools = [named(amm_v4(10**12, 10**12), f"{start}-{end}", (start, end)) for start, end in pairwise(tokens)]

    assert plan_route(view_of(pools), "SOL", "WIF", 10**6).legs
    with pytest.raises(NoRouteError, match="^no venue trades SOL against USDC$"):
        plan_route(view_of(pools), "SOL", "USDC", 10**6)


def test_a_pool_is_never_sold_both_its_tokens() -> None:
    # JUP→USDC and SOL→WIF pay a tenth too much: both JUP→SOL→WIF and JUP→USDC→WIF want the other's second half.
    pools = [
        named(amm_v4(10**12, 11 * 10**11), "JUP-USDC", ("JUP", "USDC")),
        named(amm_v4(10**12, 10**12), "JUP-SOL", ("JUP", "SOL")),
        named(amm_v4(10**12, 11 * 10**11), "SOL-WIF", ("SOL", "WIF")),
        named(amm_v4(10**12, 10**12), "USDC-WIF", ("USDC", "WIF")),
        named(amm_v4(10**13, 10**13), "SOL-USDC", ("SOL", "USDC")),
    ]

    plan = plan_route(view_of(pools), "JUP", "WIF", 10**11)

    check_plan(plan, "JUP", "WIF", 10**11)
    assert [(leg.token_in, leg.token_out) for leg in plan.legs if leg.pool == "SOL-USDC"] == [("USDC", "SOL")]


def test_paths_never_form_a_cycle() -> None:
    # JUP→RAY→WIF→JUP gains at every step, and each step lies on a path of three hops.
    between = ["JUP", "RAY", "WIF"]
    pools = [named(amm_v4(10**12, 10**12), f"SOL-{token}", ("SOL", token)) for token in between]
    pools += [named(amm_v4(10**12, 10**12), f"{token}-USDC", (token, "USDC")) for token in between]
    pools += [
        named(amm_v4(10**12, 11 * 10**11), f"{start}-{end}", (start, end))
        for start, end in zip(between, between[1:] + between[:1], strict=True)
    ]

    for amount in (10**9, 10**10, 10**11):
        check_plan(plan_route(view_of(pools), "SOL", "USDC", amount), "SOL", "USDC", amount)


def test_a_venue_that_gave_no_quote_is_not_used() -> None:
    view = MarketView(opening_pools(1), NOW_S)

    for venue in ("meteora", "raydium"):
        plan = plan_route(view, "SOL", "BONK", worth(50_000, "SOL"), venues=venue)
        assert {leg.venue for leg in plan.legs} == {venue}


def test_a_change_of_any_pool_on_the_path_is_seen() -> None:
    pools = opening_pools(1)
    view, amount = MarketView(pools, NOW_S), worth(1_000, "JUP")
    before = plan_route(view, "JUP", "WIF", amount)
    used = next(pool for pool in pools if pool.pool == before.legs[-1].pool)

    view.refresh([msgspec.structs.replace(used, version=used.version + 1)], NOW_S)
    assert plan_route(view, "JUP", "WIF", amount) == before
    _, poorer = swap(used, before.legs[-1].token_in, worth(20_000, before.legs[-1].token_in), NOW_S)
    view.refresh([poorer], NOW_S)

    assert plan_route(view, "JUP", "WIF", amount).amount_out < before.amount_out
