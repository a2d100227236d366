"""The largest part whose last atom earns a price, held against searches that are slow and know nothing of the router's.

The tokens of most tests are SOL and JUP: without a price of JUP in dollars, a leg costs nothing.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool
from orderflow.domain.pools.swap import quote
from orderflow.domain.router.allocation import best_flow
from orderflow.domain.router.choice import BestOver, best_over, choose_route
from orderflow.domain.router.flow import Flow
from orderflow.domain.router.largest_part import flow_above, largest_part
from orderflow.domain.router.market_view import MarketView
from orderflow.errors import RejectedError
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import VENUES, opening_pools
from tests.support.builders import amm_v4
from tests.support.router_pools import (
    NOW_S,
    amounts,
    any_pools,
    bins,
    constant_product_pools,
    kept,
    named,
    taken_above,
    view_of,
)

PAIR = ("SOL", "JUP")
ALL = 10**15
shares = st.integers(10, 400).map(lambda thousandths: Fraction(1000 - thousandths, 1000))
"""What share of a first price a limit is: 1 to 40 % below it, so that rounding is of no weight."""


def sells(amount_in: int = ALL, token_in: str = "SOL", token_out: str = "JUP") -> OrderRequest:
    return OrderRequest(token_in, token_out, amount_in, "market", 500)


def part_of(pools: Sequence[Pool], least: Fraction, amount_in: int = ALL) -> int:
    return largest_part(view_of(pools), sells(amount_in), least, VENUES)


def paid_for(view: MarketView, request: OrderRequest, part: int) -> int:
    """Return what an indicative quote for a part says."""
    asked = sells(part, request.token_in, request.token_out)
    return choose_route(view, 0, asked, VENUES, VENUES, 0).expected_out


def pays(view: MarketView, part: int, least: Fraction) -> bool:
    """Whether a part receives its price for all of it."""
    try:
        return paid_for(view, sells(), part) >= ceil(part * least)
    except RejectedError:
        return False


def first_price(pool: Pool, token_in: str = "SOL") -> Fraction:
    """Return what the first atom earns of a constant-product pool."""
    of_input, of_output = kept(pool)
    reserve_in, reserve_out = pool.reserves(token_in)
    return of_input * of_output * reserve_out / reserve_in


def check_nearly(part: int, best: Decimal | float, *, atoms: int = 1) -> None:
    """Assert that a part is no smaller than 99.9 % of the best one, but for some atoms, and no larger."""
    assert part >= Decimal(best) * Decimal("0.999") - atoms
    assert part <= Decimal(best) * Decimal("1.0001") + atoms


# --- One pool: to the atom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [AmmV4, Cpmm, DammV2])
@pytest.mark.parametrize("below", ["0.99", "0.9", "0.5"])
def test_in_one_pool_integer_swaps_confirm_that_the_part_ends_where_the_price_does(
    kind: type[AmmV4 | Cpmm | DammV2], below: str
) -> None:
    # So much is paid for an atom that rounding the output is of no weight, and 400 atoms have a fee without rounding.
    pool = kind(pool="pool", venue="raydium", token_a="SOL", token_b="JUP", reserve_a=400_000, reserve_b=10**18)
    least = first_price(pool) * Fraction(below)
    stride = 1 if kind is DammV2 else 400

    outs = [0] + [quote(pool, "SOL", taken, NOW_S).amount_out for taken in range(stride, 400_000, stride)]
    ends = next(n for n in range(1, len(outs)) if outs[n] - outs[n - 1] < least * stride)

    # The price of the last stride is that of its middle.
    assert abs(part_of([pool], least) - (ends - 0.5) * stride) <= stride


@given(constant_product_pools("pool", PAIR), shares)
@example(
    DammV2(
        pool="pool",
        venue="meteora",
        token_a="SOL",
        token_b="JUP",
        reserve_a=100_000_000_000_000,
        reserve_b=100_180_000_000_000,
        fee_rate=1,
    ),
    Fraction(721, 1_000),
)
def test_in_one_pool_the_part_is_right_to_the_atom(pool: Pool, below: Fraction) -> None:
    least = first_price(pool) * below
    with localcontext() as context:
        context.prec = 60
        best, _ = taken_above(pool, "SOL", Decimal(least.numerator) / Decimal(least.denominator))

    # The part is whole, and its last atom is left out where rounding takes from what the part is paid.
    assert -2 < part_of([pool], least) - best <= 1


@given(constant_product_pools("pool", PAIR), shares, st.integers(1, 10**9))
def test_a_part_is_never_more_than_the_amount(pool: Pool, below: Fraction, amount_in: int) -> None:
    least = first_price(pool) * below
    whole = part_of([pool], least)

    part = part_of([pool], least, amount_in)

    unrounded = min(amount_in, whole)
    assert part == unrounded if pays(view_of([pool]), unrounded, least) else part < unrounded


# --- Several pools and hops ------------------------------------------------------------------------------------------


@given(constant_product_pools("0", PAIR), st.lists(any_pools("", PAIR), max_size=5), shares)
def test_several_pools_take_what_each_of_them_takes_above_the_price(
    first: Pool, others: list[Pool], below: Fraction
) -> None:
    pools = [first, *(named(pool, str(number), PAIR) for number, pool in enumerate(others, 1))]
    least = first_price(first) * below
    with localcontext() as context:
        context.prec = 60
        price = Decimal(least.numerator) / Decimal(least.denominator)
        best = sum(taken_above(pool, "SOL", price)[0] for pool in pools)

    part = part_of(pools, least, MAX_ATOMS)

    check_nearly(part, best)
    assert pays(view_of(pools), part, least)


def rising(reached: Callable[[float], bool]) -> float:
    """Return the greatest number for which something holds that holds for all smaller ones, up to 10³⁰."""
    low, high = 1e-30, 1e30
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if reached(middle) else (low, middle)
    return low


class Slowly:
    """A constant-product pool in floats, by its formulas alone."""

    def __init__(self, pool: Pool, token_in: str) -> None:
        (self.in_, self.out_), (self.reserve_in, self.reserve_out) = map(float, kept(pool)), pool.reserves(token_in)

    def paid(self, amount: float) -> float:
        net = self.in_ * amount
        return self.out_ * self.reserve_out * net / (self.reserve_in + net)

    def price(self, amount: float) -> float:
        reach = self.reserve_in + self.in_ * amount
        return self.in_ * self.out_ * self.reserve_in * self.reserve_out / (reach * reach)

    def above(self, price: float) -> float:
        """Return what the pool takes while it pays more than a price."""
        return 0.0 if self.price(0.0) <= price else rising(lambda amount: self.price(amount) > price)


@given(
    constant_product_pools("direct", PAIR),
    constant_product_pools("first", ("SOL", "WIF")),
    constant_product_pools("second", ("WIF", "JUP")),
    shares,
)
def test_a_pool_and_a_path_of_two_hops_both_end_at_the_price(
    direct: Pool, first: Pool, second: Pool, below: Fraction
) -> None:
    least = first_price(direct) * below
    alone, one, two = Slowly(direct, "SOL"), Slowly(first, "SOL"), Slowly(second, "WIF")
    along = rising(lambda amount: one.price(amount) * two.price(one.paid(amount)) > least)

    part = part_of([direct, first, second], least)

    check_nearly(part, alone.above(float(least)) + along)
    assert pays(view_of([direct, first, second]), part, least)


@given(
    constant_product_pools("first", ("SOL", "WIF")),
    constant_product_pools("short", ("WIF", "JUP")),
    constant_product_pools("long", ("WIF", "RAY")),
    constant_product_pools("end", ("RAY", "JUP")),
    shares,
)
def test_paths_that_share_their_first_pool_leave_it_at_one_price(
    first: Pool, short: Pool, long: Pool, end: Pool, below: Fraction
) -> None:
    least = float(first_price(first) * first_price(short, "WIF") * below)
    shared, one = Slowly(first, "SOL"), Slowly(short, "WIF")
    two, three = Slowly(long, "WIF"), Slowly(end, "RAY")

    def sold(value: float) -> float:
        """What the paths from WIF on take while an atom of it earns more than `value`."""
        along = 0.0
        if two.price(0.0) * three.price(0.0) > value:
            along = rising(lambda amount: two.price(amount) * three.price(two.paid(amount)) > value)
        return one.above(value) + along

    # The dearer WIF is, the more of it the first pool pays out, and the less the paths behind it take.
    value = rising(lambda value: shared.paid(shared.above(least / value)) < sold(value))
    pools = [first, short, long, end]

    part = part_of(pools, Fraction(least))

    check_nearly(part, shared.above(least / value))
    assert pays(view_of(pools), part, Fraction(least))


def gained(flow: Flow, least: Fraction) -> float:
    """Return what a flow pays beyond a price."""
    return flow.output - float(least) * flow.input


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("way", [("SOL", "USDC"), ("USDC", "SOL"), ("JUP", "USDC"), ("SOL", "BONK"), ("mSOL", "ORCA")])
@pytest.mark.parametrize("bps_below", [5, 20, 100, 500])
def test_in_the_universe_no_other_amount_gains_more_at_the_price(
    seed: int, way: tuple[str, str], bps_below: int
) -> None:
    view = MarketView(opening_pools(seed), NOW_S, OPENING_PRICES)
    network = view.network(*way)
    least = Fraction(network.paths_by_price[0][0]) * (10_000 - bps_below) / 10_000
    request = sells(MAX_ATOMS, *way)

    best = flow_above(network, float(least))

    assert best is not None
    for tried in (0.5, 0.9, 0.98, 0.999, 1.001, 1.02, 1.1, 2.0):
        flow = best_flow(network, tried * best.input)
        assert gained(flow, least) <= gained(best, least) * (1 + 1e-9)
    part = largest_part(view, request, least, VENUES)
    assert part == int(best.input)
    assert paid_for(view, request, part) >= ceil(part * least)


@given(st.data(), amounts, shares)
def test_in_any_tangle_a_part_pays_its_price(data: st.DataObject, amount_in: int, below: Fraction) -> None:
    tokens = ["SOL", "JUP", "USDC", "WIF"]
    pairs = st.sampled_from([(one, other) for one in tokens for other in tokens if one < other])
    drawn = data.draw(st.lists(pairs.flatmap(lambda pair: any_pools("", pair)), min_size=1, max_size=7))
    pools = [named(pool, str(number), (pool.token_a, pool.token_b)) for number, pool in enumerate(drawn)]
    view = view_of(pools)

    part = largest_part(view, sells(amount_in), below, VENUES)

    assert 0 <= part <= amount_in
    assert not part or pays(view, part, below)


def test_a_cycle_that_gains_is_no_part_of_it() -> None:
    # Between WIF and RAY one pool pays 10 % more than the other: to swap there and back pays, and no route does that.
    ways = [("SOL", "WIF"), ("SOL", "RAY"), ("WIF", "JUP"), ("RAY", "JUP")]
    pools: list[Pool] = [named(amm_v4(10**12, 10**12), "-".join(way), way) for way in ways]
    pools.append(named(amm_v4(10**13, 105 * 10**11), "dear", ("WIF", "RAY")))
    pools.append(named(amm_v4(10**13, 95 * 10**11), "cheap", ("WIF", "RAY")))

    flow = flow_above(view_of(pools).network(*PAIR), 0.8)

    assert flow is not None
    used = [way for way, taken in zip(flow.network.topology.directions, flow.inputs, strict=True) if taken]
    assert len({("WIF", "RAY"), ("RAY", "WIF")} & set(used)) == 1


# --- Where it ends ---------------------------------------------------------------------------------------------------


def test_there_is_no_part_where_not_even_the_first_atom_earns_the_price() -> None:
    pool = named(amm_v4(10**12, 10**12), "pool", PAIR)

    assert part_of([pool], first_price(pool)) == 0
    assert part_of([pool], Fraction(MAX_ATOMS + 1)) == 0
    assert part_of([pool], Fraction(10**400)) == 0


def test_without_a_path_there_is_no_part() -> None:
    assert part_of([amm_v4()], Fraction(1, 10**9)) == 0


def test_a_price_next_to_nothing_lets_all_through_that_the_pools_can_take() -> None:
    bin_ = bins("bin", [10**9], tokens=PAIR)

    assert part_of([named(amm_v4(10**12, 10**12), "pool", PAIR)], Fraction(1, 10**400)) == ALL
    taken = part_of([bin_], Fraction(1, 10**400))
    assert quote(bin_, "SOL", taken, NOW_S).amount_out >= 10**9 - 1
    with pytest.raises(RejectedError):
        quote(bin_, "SOL", taken + 3, NOW_S)


@pytest.mark.parametrize(("least", "unrounded", "part"), [("0.9955", 1_006, 1_003), ("0.9974", 50, 0)])
def test_where_rounding_breaks_the_price_a_smaller_part_is_looked_for_with_few_quotes(
    monkeypatch: pytest.MonkeyPatch, least: str, unrounded: int, part: int
) -> None:
    quoted = []

    def noted(view: MarketView, request: OrderRequest, answered: Sequence[str], venues: Sequence[str]) -> BestOver:
        quoted.append(request.amount_in)
        return best_over(view, request, answered, venues)

    monkeypatch.setattr("orderflow.domain.router.largest_part.best_over", noted)
    pools = [named(amm_v4(10**6, 10**6), "pool", PAIR)]
    flow = flow_above(view_of(pools).network(*PAIR), float(least))
    assert flow is not None
    assert int(flow.input) == unrounded
    assert not pays(view_of(pools), unrounded, Fraction(least))

    assert part_of(pools, Fraction(least)) == part
    assert not part or pays(view_of(pools), part, Fraction(least))
    assert len(quoted) <= unrounded.bit_length()
