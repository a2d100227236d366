"""A route's price impact: what its size costs, over hops and over the parts of a split."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import AmmV4, Pool
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.impact import price_impact
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Leg, Route
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RejectedError
from orderflow.venues.mock.universe import METEORA, VENUES
from tests.support.builders import amm_v4, market, route_for

ONE_SOL = 10**9
NOW_S = 0


def choose(pools: Sequence[Pool], amount_in: int, token_out: str = "JUP") -> Route:
    request = OrderRequest("SOL", token_out, amount_in, "market", 500)
    return choose_route(MarketView(pools, NOW_S), 7, request, VENUES, VENUES, 0)


def jup_pool(reserve_in: int, reserve_out: int) -> AmmV4:
    """Return a pool that sells JUP for USDC."""
    return msgspec.structs.replace(
        amm_v4(), pool="raydium:JUP-USDC", token_a="JUP", reserve_a=reserve_out, reserve_b=reserve_in
    )


def kept(pool: AmmV4, leg: Leg) -> Fraction:
    """Return the share of the spot price that a leg earned, without its fee."""
    reserve_in, reserve_out = pool.reserves(leg.token_in)
    return Fraction(leg.amount_out, leg.amount_in - leg.fee) / Fraction(reserve_out, reserve_in)


def test_hops_multiply_what_they_leave() -> None:
    first, second = amm_v4(10**12, 220 * 10**9), jup_pool(220 * 10**9, 440 * 10**9)

    route = choose([first, second], 300 * ONE_SOL)

    one, other = (kept(pool, leg) for pool, leg in zip((first, second), route.legs, strict=True))
    assert [(leg.token_in, leg.token_out) for leg in route.legs] == [("SOL", "USDC"), ("USDC", "JUP")]
    assert float(route.price_impact) == pytest.approx(float(1 - one * other), abs=2e-6)


def test_the_impact_of_a_huge_order_over_hops_stays_below_one() -> None:
    first, second = amm_v4(10**12, 220 * 10**9), jup_pool(220 * 10**9, 440 * 10**9)

    impact = choose([first, second], 2 * 10**13).price_impact

    assert Decimal("0.95") < impact < 1


def test_the_parts_of_a_split_count_by_what_they_would_have_fetched() -> None:
    # The second pool's price is twice the first's, and it is a hundredth of its size.
    large = amm_v4(10**12, 220 * 10**9)
    small = msgspec.structs.replace(large, venue=METEORA, pool="meteora:small", reserve_a=10**10, reserve_b=44 * 10**8)
    parts = [(large, large.quote("SOL", 10**10, NOW_S)), (small, small.quote("SOL", 10**9, NOW_S))]

    impact = price_impact([(pool, "SOL", sold) for pool, sold in parts])

    fetched = sum(Fraction(sold.amount_out * sold.amount_in, sold.amount_in - sold.fee) for _, sold in parts)
    opening = sum(sold.amount_in * Fraction(pool.reserve_b, pool.reserve_a) for pool, sold in parts)
    assert float(impact) == pytest.approx(float(1 - fetched / opening), abs=2e-6)


def test_a_split_before_a_hop_counts_as_a_whole() -> None:
    one = amm_v4(10**12, 220 * 10**9)
    twin = msgspec.structs.replace(one, venue=METEORA, pool="meteora:twin")
    last = jup_pool(220 * 10**9, 440 * 10**9)

    route = choose([one, twin, last], 300 * ONE_SOL)

    assert len(route.legs) == 3
    first, second = kept(one, route.legs[0]), kept(last, route.legs[2])
    assert float(route.price_impact) == pytest.approx(float(1 - first * second), abs=3e-6)


@given(
    st.permutations(list(TOKENS)).map(lambda tokens: (tokens[0], tokens[1])),
    st.integers(0, 19).flatmap(lambda digits: st.integers(1, 10 ** (digits + 1))),
)
def test_an_impact_is_a_fraction_whatever_the_order(direction: tuple[str, str], atoms: int) -> None:
    request = OrderRequest(*direction, min(atoms, 2**64 - 1), "market", 500)
    try:
        route = route_for(request, pools=market(), venues=VENUES)
    except RejectedError:
        return

    assert 0 <= route.price_impact <= 1
    assert not route.price_impact.is_signed()
    assert route.price_impact.as_tuple().exponent == -6
