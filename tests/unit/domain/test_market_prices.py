"""The prices of all pairs: what no route exceeds, what triggers compare with, and what is looked at again."""

from collections.abc import Sequence
from fractions import Fraction
from math import isclose, sqrt
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.codec import encoder
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import AmmV4, Cpmm, Dlmm, Pool
from orderflow.domain.pools.curves import PoolCurve
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.ticks import PairPrices, Tick, pair_name
from orderflow.domain.tokens import TOKENS, Token
from orderflow.errors import RejectedError
from orderflow.venues.mock.background import advance, chain_seconds, opening_prices
from orderflow.venues.mock.universe import opening_pools
from tests.support.builders import amm_v4, damm_v2, market
from tests.support.pool_strategies import dlmm
from tests.support.router_pools import NOW_S, amounts, any_pools, named

ALL_PAIRS = {pair_name(token_in, token_out) for token_in in TOKENS for token_out in TOKENS if token_in != token_out}
_FOUR = ("SOL", "USDC", "JUP", "RAY")


def prices_of(*pools: Pool, now_s: int = NOW_S) -> dict[str, PairPrices]:
    return MarketPrices().tick(7, pools, now_s).prices


def sol_usdc(price: float, dollars: float = 1_000_000, name: str = "pool") -> Pool:
    """Return a pool of SOL at so many USDC, with so many dollars in it, both sides together."""
    usdc = dollars / 2
    return named(amm_v4(round(usdc / price * 10**9), round(usdc * 10**6)), name)


@st.composite
def small_markets(draw: st.DrawFn) -> list[Pool]:
    """Pools of every type among four tokens."""
    pairs = [(one, other) for number, one in enumerate(_FOUR) for other in _FOUR[number + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=7))
    return [draw(any_pools(f"pool {number}", pair)) for number, pair in enumerate(chosen)]


@given(small_markets(), st.sampled_from(_FOUR), st.sampled_from(_FOUR), amounts)
def test_no_route_pays_more_on_average_than_the_best_price(
    pools: Sequence[Pool], token_in: str, token_out: str, amount: int
) -> None:
    if token_in == token_out:
        return
    request = OrderRequest(token_in, token_out, amount, "market", 100)
    venues = tuple(sorted({pool.venue for pool in pools}))
    try:
        route = choose_route(MarketView(pools, NOW_S), 7, request, venues, venues, network_fee=0)
    except RejectedError:
        return

    best = prices_of(*pools)[pair_name(token_in, token_out)].best

    units = 10 ** Fraction(TOKENS[token_in].decimals - TOKENS[token_out].decimals)
    assert Fraction(route.expected_out, amount) * units <= Fraction(best)


@pytest.mark.parametrize("token_out", ["USDC", "JUP", "BONK", "mSOL"])
def test_on_the_market_a_small_route_pays_nearly_the_best_price(token_out: str) -> None:
    request = OrderRequest("SOL", token_out, 10**7, "market", 100)
    route = choose_route(
        MarketView(market().values(), NOW_S), 7, request, ("meteora", "raydium"), ("meteora", "raydium"), 0
    )

    best = prices_of(*market().values())[pair_name("SOL", token_out)].best

    paid = route.expected_out / 10 ** TOKENS[token_out].decimals / 0.01
    assert 0.9999 < paid / best <= 1


def test_the_best_price_of_a_pair_is_that_of_its_best_pool_fee_paid() -> None:
    prices = prices_of(sol_usdc(220, name="one"), sol_usdc(221, name="other"))

    assert prices["SOL>USDC"].best == pytest.approx(221 * 0.9975, rel=1e-8)
    assert prices["USDC>SOL"].best == pytest.approx(0.9975 / 220, rel=1e-8)


def test_the_best_price_goes_over_up_to_three_hops() -> None:
    # mSOL > SOL > USDC > BONK is the only way.
    tokens = [("mSOL", "SOL"), ("SOL", "USDC"), ("USDC", "BONK"), ("BONK", "WIF")]
    pools = [named(amm_v4(), f"pool {number}", pair) for number, pair in enumerate(tokens)]

    prices = prices_of(*pools)

    hops = [prices[pair_name(*pair)].best for pair in tokens[:3]]
    assert prices["mSOL>BONK"].best == pytest.approx(hops[0] * hops[1] * hops[2], rel=1e-8)
    assert "mSOL>WIF" not in prices


def test_a_detour_that_pays_more_is_the_best_price() -> None:
    direct = named(amm_v4(10**15, 10**12), "direct", ("SOL", "USDC"))
    there = named(amm_v4(10**15, 2 * 10**12), "there", ("SOL", "JUP"))
    on = named(amm_v4(10**12, 10**12), "on", ("JUP", "USDC"))

    prices = prices_of(direct, there, on)

    assert prices["SOL>USDC"].best == pytest.approx(2 * 0.9975**2, rel=1e-8)
    assert prices["SOL>USDC"].reference == pytest.approx(1)


def test_the_reference_price_is_the_middle_pool_by_depth_without_fees() -> None:
    pools = [sol_usdc(219, 3e6, "a"), sol_usdc(220, 1e6, "b"), sol_usdc(221, 2.5e6, "c")]

    assert prices_of(*pools)["SOL>USDC"].reference == pytest.approx(220, rel=1e-6)


def test_a_thin_pool_far_off_moves_no_reference_price() -> None:
    pools = [sol_usdc(150, 1e5, "thin"), sol_usdc(220, 5e6, "deep"), sol_usdc(300, 2e5, "thin too")]

    assert prices_of(*pools)["SOL>USDC"].reference == pytest.approx(220, rel=1e-6)


def test_between_two_pools_of_equal_depth_lies_the_geometric_mean() -> None:
    one, other = damm_v2(2 * 10**12, 4 * 10**8), damm_v2(10**12, 8 * 10**8)
    # Both hold as much at their own prices: 8·10⁸ and 16·10⁸ in USDC; twice the first makes it so.
    pools = [named(one, "a"), named(one, "b"), named(other, "c")]

    assert prices_of(*pools)["SOL>USDC"].reference == pytest.approx(sqrt(0.2 * 0.8), rel=1e-9)


def test_pools_listed_the_other_way_round_count_the_same() -> None:
    pools = [sol_usdc(219, 3e6, "a"), sol_usdc(220, 1e6, "b"), sol_usdc(221, 2.5e6, "c")]
    turned = [
        msgspec.structs.replace(pool, token_a="USDC", token_b="SOL", reserve_a=pool.reserve_b, reserve_b=pool.reserve_a)
        for pool in pools
        if not isinstance(pool, Dlmm)
    ]

    assert prices_of(*turned)["SOL>USDC"].reference == pytest.approx(220, rel=1e-6)
    assert prices_of(pools[0], turned[1], pools[2])["SOL>USDC"].reference == pytest.approx(220, rel=1e-6)


def test_a_pool_of_bins_is_at_its_active_bin_or_between_those_that_hold_something() -> None:
    inside = dlmm({-1: (0, 10**9), 0: (10**9, 10**9), 1: (10**9, 0)})
    between = dlmm({-1: (0, 10**9), 0: (0, 0), 1: (10**9, 0)})
    one_sided = dlmm({0: (0, 0), 1: (10**9, 0)})

    assert prices_of(inside)["SOL>USDC"].reference == pytest.approx(1000)  # 10⁹ atoms a SOL, 10⁶ a USDC
    assert prices_of(between)["SOL>USDC"].reference == pytest.approx(1000)
    assert prices_of(one_sided)["SOL>USDC"].reference == pytest.approx(1001)
    assert prices_of(one_sided)["SOL>USDC"].best == 0
    assert prices_of(one_sided)["USDC>SOL"].best > 0


def test_an_empty_pool_says_nothing() -> None:
    assert prices_of(dlmm({0: (0, 0)})) == {}
    assert prices_of(dlmm({0: (0, 0)}), sol_usdc(220))["SOL>USDC"].reference == pytest.approx(220, rel=1e-6)


def test_a_pair_without_a_pool_has_the_product_over_usdc_or_else_over_sol() -> None:
    jup_usdc, wif_usdc, jup_sol = (
        named(amm_v4(10**12, price * 10**11), f"{pair}", pair)
        for pair, price in ((("JUP", "USDC"), 5), (("WIF", "USDC"), 8), (("JUP", "SOL"), 1000))
    )
    wif_sol = named(amm_v4(10**12, 10**15), "wif sol", ("WIF", "SOL"))

    assert prices_of(jup_usdc, wif_usdc, jup_sol, wif_sol)["JUP>WIF"].reference == pytest.approx(0.5 / 0.8)
    assert prices_of(jup_sol, wif_sol, jup_usdc)["JUP>WIF"].reference == pytest.approx(0.1)


def test_a_pair_without_either_has_the_middle_of_the_best_paths_there_and_back() -> None:
    pairs = [("JUP", "RAY"), ("RAY", "WIF")]
    pools = [named(amm_v4(10**12, 2 * 10**12), f"{pair}", pair) for pair in pairs]
    sold_out = named(dlmm({0: (0, 10**9)}), "sold out", ("WIF", "BONK"))

    prices = prices_of(*pools, sold_out)

    assert prices["JUP>WIF"].reference == pytest.approx(4)
    assert prices["WIF>JUP"].reference == pytest.approx(1 / 4)
    assert prices["RAY>BONK"].reference == pytest.approx(prices["RAY>BONK"].best)
    assert prices["BONK>RAY"].best == 0
    assert prices["BONK>RAY"].reference == pytest.approx(1 / prices["RAY>BONK"].best)


@given(st.integers(0, 2**32), st.integers(0, 40))
def test_every_pair_of_the_market_has_prices_and_those_of_the_reversed_pair_are_reciprocals(
    seed: int, slots: int
) -> None:
    pools = market(seed) | advance(seed, 0, slots, opening_prices(), market(seed)).changed

    prices = prices_of(*pools.values(), now_s=chain_seconds(slots))

    assert prices.keys() == ALL_PAIRS
    for name, pair in prices.items():
        token_in, token_out = name.split(">")
        back = prices[pair_name(token_out, token_in)]
        assert isclose(pair.reference * back.reference, 1, rel_tol=1e-15)
        # Near the fair price, and nothing is to be gained on the way there and back.
        fair = opening_prices()[token_in] / opening_prices()[token_out]
        assert pair.reference == pytest.approx(fair, rel=0.02)
        assert pair.best * back.best < 1.002


@given(small_markets(), small_markets())
def test_what_is_kept_of_pools_makes_no_difference(first: Sequence[Pool], second: Sequence[Pool]) -> None:
    kept = MarketPrices()

    for pools, now_s in ((first, NOW_S), (second, NOW_S + 40), (first, NOW_S + 700), (first, NOW_S)):
        assert kept.tick(7, pools, now_s).prices == prices_of(*pools, now_s=now_s)


class Watched(AmmV4, frozen=True, kw_only=True, tag="watched"):
    """A pool that notes for which of its tokens its curve was made."""

    curves_made: ClassVar[list[str]] = []

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        self.curves_made.append(self.pool)
        return super().curve(token_in, now_s)


def test_only_what_changed_is_looked_at_again() -> None:
    one, other = (
        Watched(pool=name, venue="raydium", token_a="SOL", token_b="USDC", reserve_a=10**12, reserve_b=10**12)
        for name in ("one", "other")
    )
    kept = MarketPrices()
    kept.tick(7, [one, other], NOW_S)
    Watched.curves_made.clear()

    kept.tick(8, [one, other], NOW_S)
    unchanged = list(Watched.curves_made)
    kept.tick(9, [one, msgspec.structs.replace(other, reserve_a=2 * 10**12)], NOW_S)

    assert unchanged == []
    assert Watched.curves_made == ["other", "other"]


def test_a_tick_is_compact_in_json_and_reads_back_exactly() -> None:
    tick = Tick(7, {"SOL>USDC": PairPrices(219.45, 220.0), "USDC>SOL": PairPrices(0.0045, 1 / 220)})

    written = encoder.encode(tick)

    assert written.startswith(b'{"slot":7,"prices":{"SOL>USDC":[219.45,220.0],')
    assert msgspec.json.decode(written, type=Tick) == tick


def launched_pool(quote: str, price: float, held: float = 20_000.0, name: str = "launched") -> Pool:
    """Return the pool of a token of 6 decimals at a price in units of `quote`, of which it holds so many."""
    decimals = TOKENS[quote].decimals
    return Cpmm(
        pool=name,
        venue="raydium",
        token_a="MOON200",
        token_b=quote,
        reserve_a=round(held / price * 10**6),
        reserve_b=round(held * 10**decimals),
    )


def moon(symbol: str) -> Token | None:
    return Token("MOON200", "its mint", 6) if symbol == "MOON200" else TOKENS.get(symbol)


@pytest.mark.parametrize(("quote", "other"), [("USDC", "SOL"), ("SOL", "USDC")])
def test_a_launched_token_is_worth_something_in_both_hubs_and_in_no_other_token(quote: str, other: str) -> None:
    pools = list(market().values())
    without = MarketPrices().tick(7, pools, NOW_S).prices

    prices = MarketPrices(moon).tick(7, pools, NOW_S, {"launched": launched_pool(quote, 0.004)}).prices

    own = {f"MOON200>{quote}", f"{quote}>MOON200", f"MOON200>{other}", f"{other}>MOON200"}
    assert {name: price for name, price in prices.items() if "MOON200" not in name} == without
    assert prices.keys() - without.keys() == own
    direct, back = prices[f"MOON200>{quote}"], prices[f"{quote}>MOON200"]
    assert direct.reference == pytest.approx(0.004, rel=1e-6)
    assert direct.best == pytest.approx(0.004 * 0.9975, rel=1e-6)
    assert back.best == pytest.approx(250 * 0.9975, rel=1e-6)
    over, over_back = prices[f"MOON200>{other}"], prices[f"{other}>MOON200"]
    hub, hub_back = without[f"{quote}>{other}"], without[f"{other}>{quote}"]
    assert over.best == pytest.approx(direct.best * hub.best, rel=1e-6)
    assert over_back.best == pytest.approx(back.best * hub_back.best, rel=1e-6)
    assert over.reference == pytest.approx(direct.reference * hub.reference)
    assert over_back.reference == pytest.approx(1 / over.reference)


def test_no_route_of_a_launched_token_pays_more_on_average_than_the_best_price() -> None:
    pools = [*market().values(), launched_pool("SOL", 0.004)]
    prices = MarketPrices(moon).tick(7, pools[:-1], NOW_S, {"launched": pools[-1]}).prices
    venues = tuple(sorted({pool.venue for pool in pools}))
    for token_in, token_out, amount in (("USDC", "MOON200", 10**7), ("MOON200", "USDC", 10**8), ("SOL", "MOON200", 9)):
        tokens = (Token("MOON200", "its mint", 6),)
        request = OrderRequest(token_in, token_out, amount, "market", 100, tokens=tokens)

        route = choose_route(MarketView(pools, NOW_S), 7, request, venues, venues, network_fee=0)

        units = 10.0 ** (request.sells.decimals - request.buys.decimals)
        assert route.expected_out / amount * units <= prices[pair_name(token_in, token_out)].best


def test_what_is_kept_of_launched_pools_makes_no_difference() -> None:
    kept, pools = MarketPrices(moon), list(market().values())
    moved = market() | advance(1, 0, 60, opening_prices(), market()).changed
    one, other = {"launched": launched_pool("USDC", 0.004)}, {"launched": launched_pool("USDC", 0.005)}
    for standing, launched in ((pools, one), (pools, other), (moved.values(), other), (pools, {}), (pools, one)):
        assert kept.tick(7, standing, NOW_S, launched) == MarketPrices(moon).tick(7, standing, NOW_S, launched)


def test_a_launched_token_that_nobody_knows_has_no_price() -> None:
    pools = list(market().values())

    tick = MarketPrices().tick(7, pools, NOW_S, {"launched": launched_pool("USDC", 0.004)})

    assert tick == MarketPrices().tick(7, pools, NOW_S)


def test_a_view_has_each_pair_once_with_the_reference_price_of_the_tick_and_that_of_each_venue() -> None:
    pools = opening_pools(1)

    views = MarketPrices().views(pools, NOW_S)

    prices = MarketPrices().tick(7, pools, NOW_S).prices
    assert {(view.token_in, view.token_out) for view in views} == {(pool.token_a, pool.token_b) for pool in pools}
    assert [view.pair for view in views] == sorted({f"{pool.token_a}/{pool.token_b}" for pool in pools})
    for view in views:
        assert float(view.reference) == pytest.approx(prices[pair_name(view.token_in, view.token_out)].reference)
        assert set(view.venues) == {"raydium", "meteora"}


def test_a_venue_s_price_is_that_of_its_own_pools() -> None:
    pools = [sol_usdc(220, 3_000_000, "first"), damm_v2(10**12, 230 * 10**9)]

    [view] = MarketPrices().views(pools, NOW_S)

    assert (view.pair, view.reference) == ("SOL/USDC", "220")
    assert view.venues == {"raydium": "220", "meteora": "230"}


def test_a_pool_that_trades_the_pair_the_other_way_round_counts_towards_the_same_pair() -> None:
    turned = msgspec.structs.replace(amm_v4(230 * 10**9, 10**12), token_a="USDC", token_b="SOL", pool="turned")

    [view] = MarketPrices().views([sol_usdc(220, 10_000), turned], NOW_S)

    assert view.pair == "SOL/USDC"
    assert float(view.reference) == pytest.approx(230, rel=1e-9)


def test_pools_that_are_empty_say_nothing() -> None:
    empty = msgspec.structs.replace(named(amm_v4(1, 1), "empty"), reserve_a=0, reserve_b=0)

    assert MarketPrices().views([empty], NOW_S) == []
    assert MarketPrices().views([empty, damm_v2(10**12, 230 * 10**9)], NOW_S)[0].venues == {"meteora": "230"}


def test_a_price_far_below_one_has_no_exponent() -> None:
    [view] = MarketPrices().views([sol_usdc(1e-9)], NOW_S)

    assert view.reference.startswith("0.000000001")
