"""The choice of the venue that pays most."""

from collections.abc import Callable
from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.routing import VenueQuote, best_route
from orderflow.errors import NoRouteError, RejectedError, ZeroOutputError
from tests.builders import amm_v4, cpmm, damm_v2

ONE_SOL = 10**9


def test_the_venue_that_pays_more_wins_and_the_others_quote_is_kept() -> None:
    # 1,000,000 SOL against 220 million USDC, and against half a per cent more.
    raydium, meteora = amm_v4(10**15, 220 * 10**12), damm_v2(10**15, 221_100 * 10**9)

    route = best_route([raydium, meteora], "SOL", "USDC", ONE_SOL)

    assert route.venue == "meteora"
    assert (route.amount_in, route.expected_out) == (ONE_SOL, meteora.swap("SOL", ONE_SOL)[0].amount_out)
    assert [(quote.venue, quote.pool, quote.amount_out, quote.error) for quote in route.quotes] == [
        ("meteora", "meteora:SOL-USDC", meteora.swap("SOL", ONE_SOL)[0].amount_out, None),
        ("raydium", "raydium:SOL-USDC", raydium.swap("SOL", ONE_SOL)[0].amount_out, None),
    ]


def test_a_route_has_one_leg_with_all_of_the_order() -> None:
    raydium = amm_v4(1_000_000, 2_000_000)

    (leg,) = best_route([raydium], "SOL", "USDC", 10_000).legs

    assert msgspec.structs.asdict(leg) == {
        "venue": "raydium",
        "pool": "raydium:SOL-USDC",
        "share_bps": 10_000,
        "token_in": "SOL",
        "token_out": "USDC",
        "amount_in": 10_000,
        "amount_out": 19_752,
        "fee": 25,
        "fee_token": "SOL",
    }


def test_a_route_states_its_price_and_price_impact() -> None:
    # 10,000 atoms of SOL are 0.00001 SOL, and 19,752 atoms of USDC are 0.019752 USDC.
    route = best_route([amm_v4(1_000_000, 2_000_000)], "SOL", "USDC", 10_000)

    assert route.quotes[0].price == Decimal("1975.2")
    assert route.price_impact == Decimal("0.009925")


def test_of_equal_payers_the_first_by_name_wins_however_they_are_listed() -> None:
    here = amm_v4()
    there = msgspec.structs.replace(here, venue="meteora", pool="meteora:z")
    later = msgspec.structs.replace(here, venue="meteora", pool="meteora:zz")

    routes = {best_route(listed, "SOL", "USDC", ONE_SOL).legs[0].pool for listed in permutations([here, there, later])}

    assert routes == {"meteora:z"}


def test_a_venue_is_quoted_at_its_best_pool() -> None:
    worse: Pool = amm_v4(10**15, 219 * 10**12)
    better: Pool = cpmm(10**15, 221 * 10**12)

    for listed in permutations([worse, better]):
        route = best_route(listed, "SOL", "USDC", ONE_SOL)

        assert [quote.pool for quote in route.quotes] == ["raydium:cpmm:SOL-USDC"]
        assert route.legs[0].pool == "raydium:cpmm:SOL-USDC"


def test_a_venue_that_refuses_is_left_out_and_its_reason_kept() -> None:
    # A pool with so little USDC that one SOL's worth of atoms rounds to nothing.
    empty, raydium = damm_v2(10**15, 1), amm_v4(10**15, 220 * 10**12)

    route = best_route([empty, raydium], "SOL", "USDC", ONE_SOL)

    assert route.venue == "raydium"
    assert route.quotes[0] == VenueQuote(
        "meteora", "meteora:SOL-USDC", error="1000000000 atoms are too few: meteora would pay out nothing"
    )


def test_a_venue_whose_other_pool_takes_the_order_is_not_quoted_as_refusing() -> None:
    empty: Pool = amm_v4(10**15, 1)
    full: Pool = cpmm(10**15, 220 * 10**12)

    for listed in permutations([empty, full]):
        (quote,) = best_route(listed, "SOL", "USDC", ONE_SOL).quotes

        assert (quote.pool, quote.error) == ("raydium:cpmm:SOL-USDC", None)


def test_where_every_venue_refuses_the_order_is_refused_with_the_venues_reason() -> None:
    with pytest.raises(ZeroOutputError, match="1 atoms are too few"):
        best_route([amm_v4(), damm_v2()], "SOL", "USDC", 1)


def test_a_pair_without_pools_has_no_route() -> None:
    with pytest.raises(NoRouteError, match="^no venue trades JUP against WIF$") as refusal:
        best_route([], "JUP", "WIF", ONE_SOL)

    assert isinstance(refusal.value, RejectedError)


@given(
    st.lists(st.integers(10**9, 10**15), min_size=1, max_size=4),
    st.sampled_from(["SOL", "USDC"]),
    st.integers(10**9, 10**12),
)
def test_no_pool_would_have_paid_more(depths: list[int], token_in: str, amount: int) -> None:
    makers: list[Callable[[int, int], Pool]] = [amm_v4, damm_v2, cpmm, amm_v4]
    listed: list[Pool] = [
        msgspec.structs.replace(make(10**15, depth), pool=f"pool {number}")
        for number, (make, depth) in enumerate(zip(makers, depths, strict=False))
    ]

    route = best_route(listed, token_in, "USDC" if token_in == "SOL" else "SOL", amount)

    assert route.expected_out == max(pool.swap(token_in, amount)[0].amount_out for pool in listed)
    assert route.expected_out == sum(leg.amount_out for leg in route.legs)
    assert {quote.venue for quote in route.quotes} == {pool.venue for pool in listed}
