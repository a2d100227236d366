"""No single path, one pool for each hop, is better than a route: in any market, at any size, at the limits of pools."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import combinations, permutations
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Dlmm, Pool, Swap
from orderflow.domain.pools.dlmm_math import trade_exact_out
from orderflow.domain.pools.swap import quote
from orderflow.domain.router import plan as planning
from orderflow.domain.router import swapper
from orderflow.domain.router.choice import LEG_COST_USD, choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.plan import Plan, plan_route, plan_split
from orderflow.domain.routing import Route
from orderflow.domain.tokens import TOKENS
from orderflow.errors import InsufficientLiquidityError, NoRouteError, RejectedError, ZeroOutputError
from orderflow.venues.mock.background import advance, chain_seconds, opening_prices
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import VENUES, opening_pools
from tests.support.builders import amm_v4, damm_v2
from tests.support.pool_kinds import any_constant_product
from tests.support.router_pools import (
    NOW_S,
    amounts,
    any_pools,
    best_single_paths,
    bins,
    check_legs_fit,
    check_not_dominated,
    named,
)

UNLISTED = "unlisted"
SLOTS_AT_ONCE = 200


class Moment(msgspec.Struct, frozen=True):
    """A market that has lived for some slots, with fair prices in dollars."""

    slot: int
    fair: dict[str, float]
    pools: dict[str, Pool]

    @property
    def now_s(self) -> int:
        """The market's own time."""
        return chain_seconds(self.slot)

    def worth(self, dollars: float, token: str) -> int:
        """Return the atoms that so many dollars buy, at least one."""
        return max(int(dollars / self.fair[token] * 10 ** TOKENS[token].decimals), 1)

    def route(self, token_in: str, token_out: str, amount: int, venues: Sequence[str] = VENUES) -> Route:
        """Return the route of an order."""
        request = OrderRequest(token_in, token_out, amount, "market", 500)
        return choose_route(view_of(self.slot), self.slot, request, venues, VENUES, 0)


@cache
def moment(slot: int) -> Moment:
    """Return the market of seed 1 after so many slots."""
    if slot == 0:
        return Moment(0, opening_prices(), {pool.pool: pool for pool in opening_pools(1)})
    before = moment(slot - SLOTS_AT_ONCE)
    lived = advance(1, before.slot, slot, before.fair, before.pools)
    return Moment(slot, lived.fair, before.pools | lived.changed)


@cache
def view_of(slot: int) -> MarketView:
    """Return the market view of a moment."""
    return MarketView(moment(slot).pools.values(), moment(slot).now_s, OPENING_PRICES)


def check_route(route: Route, pools: Mapping[str, Pool], token_in: str, token_out: str, now_s: int) -> None:
    """Assert that a route pays what it quotes and that no single path over the same pools dominates it."""
    assert route.expected_out >= max((quote.amount_out for quote in route.quotes), default=0)
    assert route.improvement_bps >= 0
    paths = best_single_paths(list(pools.values()), token_in, token_out, route.amount_in, now_s)
    check_not_dominated(
        route.expected_out, len(route.legs), {legs: paid for legs, paid in paths.items() if legs <= len(route.legs)}
    )
    check_legs_fit(route.legs, token_in, token_out, route.amount_in)


# --- The market ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slot", [0, 400, 3_000])
def test_between_any_tokens_no_single_path_dominates_a_route(slot: int) -> None:
    at, random = moment(slot), Random(slot)
    for token_in, token_out in permutations(TOKENS, 2):
        for low, high in ((0.01, 10), (10, 1_000), (1_000, 1_000_000)):
            amount = at.worth(low * (high / low) ** random.random(), token_in)
            try:
                route = at.route(token_in, token_out, amount)
            except RejectedError:
                assert not best_single_paths(list(at.pools.values()), token_in, token_out, amount, at.now_s)
                continue
            check_route(route, at.pools, token_in, token_out, at.now_s)


@given(st.permutations(sorted(TOKENS)), st.floats(-2, 6), st.sampled_from([0, 200, 400, 1_000]))
def test_no_route_pays_less_than_its_own_quotes_or_a_single_path(
    tokens: Sequence[str], magnitude: float, slot: int
) -> None:
    at, token_in, token_out = moment(slot), tokens[0], tokens[1]
    try:
        route = at.route(token_in, token_out, at.worth(10**magnitude, token_in))
    except RejectedError:
        return

    check_route(route, at.pools, token_in, token_out, at.now_s)


@pytest.mark.parametrize(
    ("slot", "token_in", "token_out", "amount"),
    [(400, "JTO", "USDT", 6_271_067_623), (0, "mSOL", "JUP", 817_862_000)],
)
def test_orders_that_were_routed_below_a_single_path_or_a_quote(
    slot: int, token_in: str, token_out: str, amount: int
) -> None:
    at = moment(slot)

    check_route(at.route(token_in, token_out, amount), at.pools, token_in, token_out, at.now_s)


# --- Any pools -------------------------------------------------------------------------------------------------------


@st.composite
def tangles(draw: st.DrawFn) -> list[Pool]:
    """Pools of three venues between up to four tokens: ordinary ones, ones with few atoms, ones near the end of u64."""
    tokens = ["SOL", "USDC", "JUP", "WIF"][: draw(st.integers(2, 4))]
    pairs = [(one, other) for number, one in enumerate(tokens) for other in tokens[number + 1 :]]
    reserves = st.integers(1, 2_000) | st.integers(MAX_ATOMS - 2_000, MAX_ATOMS) | st.integers(1, MAX_ATOMS)
    pools: list[Pool] = []
    for number, pair in enumerate(draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=6))):
        name = f"pool {number}"
        pool = draw(any_pools(name, pair) | any_constant_product(reserves))
        venue = draw(st.sampled_from([*VENUES, UNLISTED]))
        pools.append(msgspec.structs.replace(pool, pool=name, venue=venue, token_a=pair[0], token_b=pair[1]))
    return pools


def capacity(pool: Dlmm, token_in: str) -> int:
    """Return the atoms that a pool's bins take, to the last."""
    trades, _ = trade_exact_out(pool.stocked_bins(token_in, NOW_S), 2**70)
    return sum(net + fee for _, net, fee, _ in trades)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Pool], int]:
    """Such pools and an amount of SOL: any, a few atoms, or what some pools of bins take, an atom more or less."""
    pools = draw(tangles())
    brims = [
        capacity(pool, "SOL") for pool in pools if isinstance(pool, Dlmm) and "SOL" in (pool.token_a, pool.token_b)
    ]
    kinds = [amounts, st.integers(1, 3), st.integers(1, MAX_ATOMS), st.integers(MAX_ATOMS - 3, MAX_ATOMS)]
    if brims:
        brim = st.lists(st.sampled_from(brims), min_size=1, unique=True).map(sum)
        kinds.append(st.builds(lambda atoms, more: min(max(atoms + more, 1), MAX_ATOMS), brim, st.integers(-2, 2)))
    return pools, draw(st.one_of(*kinds))


leg_costs = st.just(0.0) | st.sampled_from([0.5, 1.0, 1.5]) | st.floats(0, 1e15)


@given(orders(), leg_costs)
@settings(max_examples=400)
def test_over_any_pools_an_order_gets_a_plan_that_no_single_path_dominates_or_a_named_reason(
    order: tuple[list[Pool], int], leg_cost: float
) -> None:
    pools, amount = order
    paths = best_single_paths(pools, "SOL", "USDC", amount)
    try:
        plan = plan_route(MarketView(pools, NOW_S), "SOL", "USDC", amount, leg_cost=leg_cost)
    except RejectedError:
        assert not paths
        return

    check_not_dominated(plan.amount_out, len(plan.legs), paths, leg_cost)
    check_legs_fit(plan.legs, "SOL", "USDC", amount)


@given(orders(), leg_costs)
@settings(max_examples=200)
def test_over_any_pools_a_split_is_no_worse_than_a_single_pool(order: tuple[list[Pool], int], leg_cost: float) -> None:
    pools, amount = order
    direct = [pool for pool in pools if {pool.token_a, pool.token_b} == {"SOL", "USDC"}]
    paths = best_single_paths(direct, "SOL", "USDC", amount)
    try:
        plan = plan_split(MarketView(pools, NOW_S), "SOL", "USDC", amount, leg_cost=leg_cost)
    except RejectedError:
        assert not paths
        return

    check_not_dominated(plan.amount_out, len(plan.legs), paths, leg_cost)


@given(orders(), st.lists(st.sampled_from([*VENUES, UNLISTED]), min_size=1, unique=True))
@settings(max_examples=300)
def test_with_any_venues_late_a_route_keeps_to_the_others_and_pays_no_less_than_they_quote(
    order: tuple[list[Pool], int], venues: list[str]
) -> None:
    pools, amount = order
    there = {pool.pool: pool for pool in pools if pool.venue in venues}
    request = OrderRequest("SOL", "USDC", amount, "market", 500)
    try:
        route = choose_route(MarketView(pools, NOW_S), 0, request, venues, [*VENUES, UNLISTED], 0)
    except RejectedError:
        assert not best_single_paths(list(there.values()), "SOL", "USDC", amount)
        return

    assert {leg.venue for leg in route.legs} <= set(venues)
    assert [quote.venue for quote in route.quotes] == venues
    check_route(route, there, "SOL", "USDC", NOW_S)


# --- By hand ---------------------------------------------------------------------------------------------------------


THREE = ("x", "y", "z")


@pytest.mark.parametrize("answered", [some for count in (1, 2, 3) for some in combinations(THREE, count)], ids="+".join)
def test_of_three_venues_with_equal_pools_a_route_uses_just_those_that_answered(answered: tuple[str, ...]) -> None:
    pools = [at_venue(named(amm_v4(10**12, 10**12), f"pool of {venue}"), venue) for venue in THREE]
    request = OrderRequest("SOL", "USDC", 10**11, "market", 500)

    route = choose_route(MarketView(pools, NOW_S), 0, request, answered, THREE, 0)

    assert {leg.venue for leg in route.legs} == {quote.venue for quote in route.quotes} == set(answered)
    assert route.venue == "+".join(answered)


def test_a_path_may_have_each_hop_at_another_venue_and_needs_all_of_them() -> None:
    hops = {"x": ("SOL", "JUP"), "y": ("JUP", "WIF"), "z": ("WIF", "USDC")}
    pools = [at_venue(named(amm_v4(10**12, 10**12), f"pool of {venue}", hop), venue) for venue, hop in hops.items()]
    view, request = MarketView(pools, NOW_S), OrderRequest("SOL", "USDC", 10**9, "market", 500)

    route = choose_route(view, 0, request, THREE, THREE, 0)

    assert [(leg.venue, leg.token_in, leg.token_out) for leg in route.legs] == [
        (venue, *hops[venue]) for venue in THREE
    ]
    assert all(quote.error for quote in route.quotes)
    for late in THREE:
        with pytest.raises(NoRouteError):
            choose_route(view, 0, request, [venue for venue in THREE if venue != late], THREE, 0)


def at_venue(pool: Pool, venue: str) -> Pool:
    """Return a pool as another venue's."""
    return msgspec.structs.replace(pool, venue=venue)


@pytest.mark.parametrize("amount", [1, 2, 3])
def test_a_few_atoms_on_large_pools_are_swapped_or_refused_by_name(amount: int) -> None:
    pools: list[Pool] = [
        named(damm_v2(MAX_ATOMS // 2, MAX_ATOMS // 2, 0), "a"),
        named(damm_v2(MAX_ATOMS // 2, MAX_ATOMS // 2 - 10**9, 0), "b"),
    ]

    plan = plan_split(MarketView([damm_v2(10**18, 3 * 10**18, 0)], NOW_S), "SOL", "USDC", amount)
    assert plan.amount_out == 3 * amount - 1
    try:
        assert plan_split(MarketView(pools, NOW_S), "SOL", "USDC", amount).amount_out < amount
    except ZeroOutputError:
        assert amount == 1


@pytest.mark.parametrize("first_bins", [1, 3])
@pytest.mark.parametrize("left", [0.0001, 0.01, 0.3])
def test_hops_over_bins_alone_can_be_filled_nearly_to_their_brims(first_bins: int, left: float) -> None:
    # Neither pool of JUP and USDC takes all that arrives, and the second hop takes less than the first pays.
    pools = [
        bins("first", [10**9] * first_bins, tokens=("SOL", "JUP")),
        bins("second", [3 * 10**8], tokens=("JUP", "USDC")),
        bins("third", [2 * 10**8, 10**8], tokens=("JUP", "USDC")),
    ]
    most = room(pools, "JUP")

    plan = plan_by(pools, int(most * (1 - left)))

    assert {leg.pool for leg in plan.legs} == {"first", "second", "third"}
    check_legs_fit(plan.legs, "SOL", "USDC", plan.amount_in)
    with pytest.raises(InsufficientLiquidityError):
        plan_by(pools, int(most * 1.001))


@pytest.mark.parametrize("left", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("leg_cost", [0.0, 10_000.0])
def test_a_path_that_is_filled_to_its_brim_leaves_the_rest_to_another(left: float, leg_cost: float) -> None:
    pools: list[Pool] = [
        named(amm_v4(10**15, 10**15), "into the brim", ("SOL", "JUP")),
        bins("brim", [10**13] * 3, tokens=("JUP", "USDC")),
        named(amm_v4(10**15, 9 * 10**14), "into the rest", ("SOL", "WIF")),
        bins("rest", [10**13] * 3, tokens=("WIF", "USDC")),
    ]
    amount = int((room(pools, "JUP") + room(pools, "WIF")) * (1 - left))

    plan = plan_route(MarketView(pools, NOW_S), "SOL", "USDC", amount, leg_cost=leg_cost)

    assert {leg.pool for leg in plan.legs} == {pool.pool for pool in pools}
    check_legs_fit(plan.legs, "SOL", "USDC", amount)


def room(pools: Sequence[Pool], between: str) -> float:
    """Return how much SOL a path of two hops takes whose second ends in bins."""
    view = MarketView(pools, NOW_S)
    into, onward = view.pair("SOL", between), view.pair(between, "USDC")
    assert into is not None
    assert onward is not None
    return into.curve.input_for(onward.curve.capacity)


def test_amounts_beyond_what_an_account_holds_are_refused_by_name() -> None:
    # Both pools together would pay more than 64 bits, and so would the first hop.
    pools = [
        named(damm_v2(10**6, MAX_ATOMS, 0), "a", ("SOL", "JUP")),
        named(damm_v2(10**6, MAX_ATOMS, 0), "b", ("SOL", "JUP")),
        named(damm_v2(MAX_ATOMS, MAX_ATOMS, 0), "c", ("JUP", "USDC")),
    ]

    with pytest.raises(InsufficientLiquidityError):
        plan_route(MarketView(pools, NOW_S), "SOL", "USDC", 10**9)
    plan = plan_route(MarketView(pools, NOW_S), "SOL", "JUP", 10**9)
    assert len(plan.legs) == 1
    assert plan.amount_out <= MAX_ATOMS


def test_a_leg_costs_five_cents_at_the_price_of_now() -> None:
    # JUP trades at a hundredth of its opening price. What a second leg gains is worth two cents; it was two dollars.
    per_dollar = int(100 / OPENING_PRICES["JUP"])
    pools = [named(amm_v4(10**12, 10**12 * per_dollar), name, ("USDC", "JUP")) for name in ("a", "b")]
    view, request = MarketView(pools, NOW_S), OrderRequest("USDC", "JUP", 200 * 10**6, "market", 500)

    route = choose_route(view, 0, request, ["raydium"], ["raydium"], 0)

    two = plan_split(view, "USDC", "JUP", request.amount_in)
    one = route.expected_out
    assert Decimal(two.amount_out - one).scaleb(-6) * OPENING_PRICES["JUP"] > LEG_COST_USD
    assert (len(two.legs), len(route.legs)) == (2, 1)


@pytest.mark.parametrize(
    ("prices", "legs"),
    [({"JUP": Decimal("0.5")}, 2), ({"JUP": Decimal("0.01")}, 1), ({"SOL": Decimal(220)}, 2), ({"JUP": Decimal(0)}, 2)],
)
def test_where_no_dollars_are_traded_a_leg_costs_what_the_reference_price_says_or_nothing(
    prices: dict[str, Decimal], legs: int
) -> None:
    pools = [named(amm_v4(10**12, 10**12), name, ("SOL", "JUP")) for name in ("a", "b")]
    request = OrderRequest("SOL", "JUP", 10**9, "market", 500)

    route = choose_route(MarketView(pools, NOW_S, prices), 0, request, ["raydium"], ["raydium"], 0)

    assert len(route.legs) == legs  # the second gains half a JUP


def test_what_was_quoted_is_paid_even_where_its_legs_are_not_worth_it() -> None:
    # Alone, x has one pool; y pays a cent more over two hops, for a leg more, which costs five.
    def pool(name: str, venue: str, tokens: tuple[str, str], skew: int) -> Pool:
        return msgspec.structs.replace(named(damm_v2(10**15, 10**15 + skew, 0), name, tokens), venue=venue)

    pools = [
        pool("direct", "x", ("SOL", "USDC"), 0),
        pool("first", "y", ("SOL", "JUP"), 0),
        pool("second", "y", ("JUP", "USDC"), 10**12),
    ]
    request = OrderRequest("SOL", "USDC", 10**7, "market", 500)

    route = choose_route(MarketView(pools, NOW_S), 0, request, ["x", "y"], ["x", "y"], 0)

    quotes: dict[str, int] = {quote.venue: quote.amount_out for quote in route.quotes}
    assert quotes["y"] > quotes["x"]
    assert route.expected_out == quotes["y"]
    assert route.improvement_bps == 0


def test_no_swap_is_run_twice_for_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    swaps: list[tuple[str, str, int]] = []

    def counted(pool: Pool, token_in: str, amount_in: int, now_s: int) -> Swap:
        swaps.append((pool.pool, token_in, amount_in))
        return quote(pool, token_in, amount_in, now_s)

    monkeypatch.setattr(swapper, "quote", counted)

    route = moment(400).route("JUP", "WIF", moment(400).worth(100, "JUP"))

    assert len(route.legs) == 2
    assert {(leg.pool, leg.token_in, leg.amount_in) for leg in route.legs} <= set(swaps)
    assert len(swaps) == len(set(swaps))


def test_a_split_that_promises_less_than_a_legs_cost_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = [named(amm_v4(10**12, 10**12), "a"), named(amm_v4(10**12, 10**12), "b")]
    view, amount = MarketView(pools, NOW_S), 10**10
    one, two = (plan_split(view, "SOL", "USDC", amount, leg_cost=cost) for cost in (10**9, 0))
    gain = two.amount_out - one.amount_out
    monkeypatch.setattr(planning, "swap_split", lambda *_: pytest.fail("split"))

    assert plan_split(view, "SOL", "USDC", amount, leg_cost=gain * 1.001 + 2) == one
    monkeypatch.undo()
    assert plan_split(view, "SOL", "USDC", amount, leg_cost=gain * 0.999 - 2) == two


def plan_by(pools: Sequence[Pool], amount: int) -> Plan:
    """Return the plan of an order of SOL for USDC."""
    return plan_route(MarketView(pools, NOW_S), "SOL", "USDC", amount)


def test_a_part_that_a_venue_would_not_pay_for_does_not_cost_the_plan() -> None:
    # The bins take all but one of the atoms; for that one the other pool, of which 50 buy one, pays nothing.
    pools: list[Pool] = [bins("bins", [10**6]), named(damm_v2(5 * 10**7, 10**6, 0), "pool")]
    brim = capacity(bins("bins", [10**6]), "SOL")

    for amount in (brim - 1, brim, brim + 1):
        paths = best_single_paths(pools, "SOL", "USDC", amount)
        plan = plan_by(pools, amount)
        check_not_dominated(plan.amount_out, len(plan.legs), paths)
