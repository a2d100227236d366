"""The choice of an order's route: every venue's quote, the plan that pays most, and what it says of itself."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import swap
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Route, VenueQuote
from orderflow.domain.tokens import TOKENS
from orderflow.errors import NoRouteError, RejectedError, ZeroOutputError
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES
from tests.support.builders import amm_v4, cpmm, damm_v2, make_request, market, route_for

ONE_SOL = 10**9
TWO = (METEORA, RAYDIUM)
NOW_S = 0


def choose(
    pools: Sequence[Pool],
    amount_in: int,
    token_in: str = "SOL",
    token_out: str = "USDC",
    venues: Sequence[str] = TWO,
) -> Route:
    request = OrderRequest(token_in, token_out, amount_in, "market", 500)
    return choose_route(MarketView(pools, NOW_S, OPENING_PRICES), 7, request, venues, TWO, 12_345)


def test_the_venue_that_pays_more_gets_a_small_order_and_the_others_quote_is_kept() -> None:
    # 1,000,000 SOL against 220 million USDC, and against half a per cent more.
    raydium, meteora = amm_v4(10**15, 220 * 10**12), damm_v2(10**15, 221_100 * 10**9)

    route = choose([raydium, meteora], ONE_SOL)

    paid = {pool.venue: swap(pool, "SOL", ONE_SOL, NOW_S)[0].amount_out for pool in (raydium, meteora)}
    assert (route.venue, route.amount_in, route.expected_out) == (METEORA, ONE_SOL, paid[METEORA])
    assert [(quote.venue, quote.pools, quote.amount_out, quote.error) for quote in route.quotes] == [
        (METEORA, ("meteora:SOL-USDC",), paid[METEORA], None),
        (RAYDIUM, ("raydium:SOL-USDC",), paid[RAYDIUM], None),
    ]
    assert (route.slot, route.network_fee, route.improvement_bps) == (7, 12_345, Decimal(0))


def test_a_route_of_one_pool_has_one_leg_with_all_of_the_order() -> None:
    (leg,) = choose([amm_v4(1_000_000, 2_000_000)], 10_000).legs

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
    route = choose([amm_v4(1_000_000, 2_000_000)], 10_000, venues=[RAYDIUM])

    assert route.quotes[0].price == Decimal("1975.2")
    assert route.price_impact == Decimal("0.009925")


def test_a_large_order_is_split_evenly_over_twins_and_gains_what_that_saves_in_impact() -> None:
    # Alone, either would pay 220·10⁹·x/(10¹² + x) with x = 9.975·10⁹ for 10 SOL of its 1,000; by halves, impact halves.
    raydium = amm_v4(10**12, 220 * 10**9)
    meteora = msgspec.structs.replace(raydium, venue=METEORA, pool="meteora:twin")

    route = choose([raydium, meteora], 10 * ONE_SOL)

    alone = raydium.swap("SOL", 10 * ONE_SOL, NOW_S)[0].amount_out
    halves = 2 * raydium.swap("SOL", 5 * ONE_SOL, NOW_S)[0].amount_out
    assert route.venue == "meteora+raydium"
    assert sorted(leg.share_bps for leg in route.legs) == [5_000, 5_000]
    assert route.expected_out == pytest.approx(halves, abs=2)
    assert {quote.amount_out for quote in route.quotes} == {alone}
    assert float(route.improvement_bps) == pytest.approx(10_000 * (halves / alone - 1), abs=0.01)
    # Parts of a split average: each sells 0.5 % of its pool.
    assert float(route.price_impact) == pytest.approx(0.005, rel=0.01)


def test_a_venue_is_quoted_at_its_best_pool_and_over_all_of_them_where_that_pays() -> None:
    worse: Pool = amm_v4(10**15, 218 * 10**12)
    better: Pool = cpmm(10**15, 221 * 10**12)

    small, large = (choose([worse, better], amount).quotes for amount in (ONE_SOL, 10**14))

    assert small[0] == VenueQuote(METEORA, error="no venue trades SOL against USDC")
    assert small[1].pools == ("raydium:cpmm:SOL-USDC",)
    assert set(large[1].pools) == {"raydium:SOL-USDC", "raydium:cpmm:SOL-USDC"}


def test_a_venue_that_refuses_is_left_out_and_its_reason_kept() -> None:
    # A pool with so little USDC that one SOL's worth of atoms rounds to nothing.
    empty, raydium = damm_v2(10**15, 1), amm_v4(10**15, 220 * 10**12)

    route = choose([empty, raydium], ONE_SOL)

    assert route.venue == RAYDIUM
    assert route.quotes[0] == VenueQuote(METEORA, error="1000000000 atoms are too few: meteora would pay out nothing")


def test_where_every_venue_refuses_the_order_is_refused_with_the_venues_reason() -> None:
    with pytest.raises(ZeroOutputError, match="1 atoms are too few"):
        choose([amm_v4(), damm_v2()], 1)


def test_tokens_that_no_path_leads_between_have_no_route() -> None:
    with pytest.raises(NoRouteError, match="^no venue trades JUP against WIF$") as refusal:
        choose([amm_v4()], ONE_SOL, "JUP", "WIF")

    assert isinstance(refusal.value, RejectedError)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("amount", ["1", "3000"])
def test_where_a_venue_misses_its_deadline_the_route_keeps_to_the_others(venue: str, amount: str) -> None:
    request = make_request(amount=amount)

    route = route_for(request, venues=[venue])

    assert route.venue == venue
    assert [quote.venue for quote in route.quotes] == [venue]
    assert {leg.venue for leg in route.legs} == {venue}
    assert route.expected_out <= route_for(request, venues=VENUES).expected_out


@pytest.mark.parametrize("pair", [("JUP", "WIF"), ("BONK", "mSOL"), ("USDT", "ORCA")])
@pytest.mark.parametrize("dollars", [10, 20_000])
def test_tokens_that_share_no_pool_are_traded_by_hops(pair: tuple[str, str], dollars: int) -> None:
    token_in, token_out = pair
    amount = str(int(dollars / OPENING_PRICES[token_in]))

    route = route_for(make_request(token_in, token_out, amount), venues=TWO)

    worth = Decimal(route.expected_out).scaleb(-TOKENS[token_out].decimals) * OPENING_PRICES[token_out]
    given_worth = Decimal(amount) * OPENING_PRICES[token_in]
    assert {quote.error for quote in route.quotes} == {None}
    assert 0.9 < worth / given_worth < 1
    flows = balances(route)
    assert flows.pop(token_in) == -route.amount_in
    assert flows.pop(token_out) == route.expected_out
    assert set(flows.values()) == {0}  # nothing of a token in between is left or missing


def balances(route: Route) -> dict[str, int]:
    """Return what a route leaves the trader with by token, and see that no leg takes what is not there yet."""
    held = {route.legs[0].token_in: 0}
    for leg in route.legs:
        held[leg.token_in] = held.get(leg.token_in, 0) - leg.amount_in
        held[leg.token_out] = held.get(leg.token_out, 0) + leg.amount_out
        assert all(amount >= 0 for token, amount in held.items() if token != route.legs[0].token_in)
    return held


tokens = st.sampled_from(sorted(TOKENS))


@given(tokens, tokens, st.floats(1, 300_000), st.sampled_from([VENUES, (METEORA,), (RAYDIUM,)]))
def test_no_venue_would_have_paid_more_and_the_legs_are_what_the_pools_really_pay(
    token_in: str, token_out: str, dollars: float, venues: Sequence[str]
) -> None:
    if token_in == token_out:
        return
    price = float(OPENING_PRICES[token_in])
    request = make_request(token_in, token_out, f"{dollars / price:.{TOKENS[token_in].decimals}f}")

    try:
        route = route_for(request, venues=venues)
    except RejectedError:
        assert dollars > 50_000  # more than the bins or the few pools of one venue can take
        return

    assert route.expected_out >= max(quote.amount_out for quote in route.quotes)
    assert route.improvement_bps >= 0
    assert 0 <= route.price_impact < 1
    held = balances(route)
    assert (held[token_in], held[token_out]) == (-request.amount_in, route.expected_out)
    # No pool stands twice in a route, so each leg is what its pool pays as it is.
    assert len({leg.pool for leg in route.legs}) == len(route.legs)
    for leg in route.legs:
        result, _ = swap(market()[leg.pool], leg.token_in, leg.amount_in, 1_763_800_000)
        assert (result.amount_out, result.fee, result.fee_token) == (leg.amount_out, leg.fee, leg.fee_token)
