"""Allocations in floats that become swaps in integers, and routes that run again on pools that have moved."""

import pytest

from orderflow.domain.pools.swap import swap
from orderflow.domain.router.execute import run_legs, swap_along
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.network import Pair
from orderflow.domain.router.swapper import Swapper
from orderflow.errors import InsufficientLiquidityError, ZeroOutputError
from orderflow.venues.mock.background import chain_seconds
from tests.support.builders import make_request, market, route_for

NOW_S = chain_seconds(0)
ONE_SOL = 10**9


def pair(token_in: str, token_out: str) -> Pair:
    found = MarketView(market().values(), NOW_S).pair(token_in, token_out)
    assert found is not None
    return found


@pytest.mark.parametrize("crumb", [0.6, 4.6, 30_000.0])
def test_what_is_not_worth_a_leg_even_as_a_whole_is_left_out_before_a_venue_refuses_it(crumb: float) -> None:
    # Two paths from mSOL to WIF, and between them a few atoms left by rounding: too few for a venue to pay for.
    flows = [
        (pair("mSOL", "SOL"), 0.4 * ONE_SOL),
        (pair("mSOL", "USDC"), 0.6 * ONE_SOL),
        (pair("SOL", "USDC"), crumb),
        (pair("SOL", "WIF"), 0.52 * ONE_SOL),
        (pair("USDC", "WIF"), 171e6),
    ]
    five_cents = {"mSOL": 175_000.0, "SOL": 227_000.0, "USDC": 50_000.0, "WIF": 62_500.0}

    swaps = swap_along("mSOL", "WIF", ONE_SOL, flows, five_cents, Swapper(NOW_S))

    hops = {(token_in, pool.other(token_in)) for pool, token_in, _ in swaps}
    assert hops == {("mSOL", "SOL"), ("mSOL", "USDC"), ("SOL", "WIF"), ("USDC", "WIF")}
    for token in ("USDC", "SOL"):
        came = sum(result.amount_out for pool, token_in, result in swaps if pool.other(token_in) == token)
        assert came == sum(result.amount_in for _, token_in, result in swaps if token_in == token)


def test_an_order_that_is_not_worth_a_leg_itself_is_executed_all_the_same() -> None:
    flows = [(pair("SOL", "USDC"), 1_000.0), (pair("SOL", "JUP"), 900.0), (pair("JUP", "USDC"), 900.0)]

    swaps = swap_along(
        "SOL", "USDC", 1_900, flows, {"SOL": 227_000.0, "USDC": 50_000.0, "JUP": 100_000.0}, Swapper(NOW_S)
    )

    assert [(pool.other(token_in), result.amount_in) for pool, token_in, result in swaps] == [("USDC", 1_900)]


def test_a_route_runs_again_on_pools_that_have_moved_with_what_the_legs_before_really_paid() -> None:
    route = route_for(make_request("JUP", "WIF", "40000"))
    address = next(leg.pool for leg in route.legs if leg.token_in == "JUP")
    moved = market() | {address: swap(market()[address], "JUP", 10**10, NOW_S)[1]}

    fills, changed = run_legs(route.legs, moved, NOW_S)

    assert [fill.pool for fill in fills] == [leg.pool for leg in route.legs]
    assert changed.keys() == {leg.pool for leg in route.legs}
    given = [fill.amount_in for fill in fills if fill.token_in == "JUP"]
    assert given == [leg.amount_in for leg in route.legs if leg.token_in == "JUP"]
    for token in {fill.token_out for fill in fills} - {"WIF"}:
        came = sum(fill.amount_out for fill in fills if fill.token_out == token)
        assert came == sum(fill.amount_in for fill in fills if fill.token_in == token)
    assert sum(fill.amount_out for fill in fills if fill.token_out == "WIF") < route.expected_out


def test_a_leg_that_its_venue_refuses_refuses_the_route_and_leaves_the_pools() -> None:
    route = route_for(make_request(amount="3000"))
    (address,) = {leg.pool for leg in route.legs if leg.pool == "meteora_dlmm:SOL-USDC"}
    pools = market() | {address: swap(market()[address], "SOL", 700 * ONE_SOL, NOW_S)[1]}
    before = dict(pools)

    with pytest.raises((InsufficientLiquidityError, ZeroOutputError)):
        run_legs(route.legs, pools, NOW_S)

    assert pools == before
