"""Depth: amounts that grow until they move the price, each at what its own best route pays."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.depth import POINTS, DepthPoint, Paid, bought_points, growing, measure, sold_points
from orderflow.domain.order import OrderRequest
from orderflow.domain.tokens import TOKENS
from orderflow.domain.venue import Quoted
from orderflow.errors import PoolNotOpenError
from tests.support.fakes.outside import Outside
from tests.support.launched_tokens import MOON
from tests.support.memory_venue import MemoryVenue

SOL, USDC = TOKENS["SOL"], TOKENS["USDC"]
LEAST = 10**9 // 2


@given(st.integers(1, MAX_ATOMS), st.integers(1, MAX_ATOMS), st.integers(2, 9))
def test_amounts_grow_from_the_least_to_the_end(one: int, other: int, most: int) -> None:
    least, end = sorted((one, other))

    amounts = growing(least, end, most)

    assert (amounts[0], amounts[-1]) == (least, end)
    assert all(before < after for before, after in pairwise(amounts))
    assert len(amounts) <= most


def test_each_amount_is_the_one_before_it_times_the_same() -> None:
    assert growing(1_000, 10**9, 7) == [1_000, 10_000, 100_000, 10**6, 10**7, 10**8, 10**9]
    assert growing(5, 5, 8) == [5]
    assert growing(5, 7, 8) == [5, 6, 7]


@pytest.mark.parametrize(("sells", "buys"), [("SOL", "USDC"), ("USDC", "SOL"), ("JUP", "BONK")])
def test_what_is_paid_is_what_a_quote_for_the_amount_alone_pays(sells: str, buys: str) -> None:
    venue = Outside().venue

    paid = measure(venue, TOKENS[sells], TOKENS[buys], LEAST)

    assert len(paid) == POINTS
    assert paid[0].amount_in == LEAST
    for amount_in, amount_out in paid:
        [quoted] = venue.quote([OrderRequest(sells, buys, amount_in, "market", 100)], indicative=True)
        assert isinstance(quoted, Quoted)
        assert quoted.route.expected_out == amount_out


def test_the_last_amount_moves_a_constant_product_by_a_tenth() -> None:
    paid = measure(MemoryVenue(), SOL, USDC, LEAST)

    kept = Fraction(*reversed(paid[-1])) / Fraction(*reversed(paid[0]))

    assert float(1 - kept) == pytest.approx(0.1, abs=1e-3)


def test_nothing_is_traded_by_measuring() -> None:
    venue = MemoryVenue()

    assert measure(venue, SOL, USDC, LEAST) == measure(venue, SOL, USDC, LEAST)


def test_where_the_market_takes_little_the_least_amount_is_smaller() -> None:
    paid = measure(MemoryVenue(), SOL, USDC, 1_000 * 10**9)

    assert len(paid) == POINTS
    assert paid[0].amount_in * 64 <= paid[-1].amount_in < paid[0].amount_in * 65


def test_where_no_route_takes_the_least_amount_there_is_none() -> None:
    assert measure(MemoryVenue(), TOKENS["JUP"], TOKENS["BONK"], LEAST) == []
    assert measure(MemoryVenue(), SOL, USDC, 1) == []


def test_a_token_that_was_launched_and_has_no_open_pool_has_no_depth() -> None:
    venue = Outside().venue
    unknown = OrderRequest("USDC", MOON.symbol, 10**8, "market", 0, tokens=(MOON,))
    assert isinstance(venue.fit([unknown], [0])[0], PoolNotOpenError)

    assert measure(venue, USDC, MOON, 10**8) == []


def test_all_points_are_in_units_of_the_first_token_and_their_prices_in_the_second_s() -> None:
    sold = [Paid(10**9, 220 * 10**6), Paid(4 * 10**9, 836 * 10**6)]
    bought = [Paid(220 * 10**6, 10**9), Paid(1_000 * 10**6, 4 * 10**9)]

    assert sold_points(sold, SOL, USDC) == [
        DepthPoint(amount="1", price="220", impact="0"),
        DepthPoint(amount="4", price="209", impact="0.05"),
    ]
    assert bought_points(bought, SOL, USDC) == [
        DepthPoint(amount="1", price="220", impact="0"),
        DepthPoint(amount="4", price="250", impact="0.12"),
    ]


def test_a_better_price_than_the_first_has_no_impact() -> None:
    points = sold_points([Paid(3, 2), Paid(4, 3)], SOL, USDC)

    assert [point.impact for point in points] == ["0", "0"]
