"""The pools of a pair as they are shown: what each holds, asks and says, whichever way round the pair is."""

from collections.abc import Sequence

import msgspec
import pytest

from orderflow.domain.market import Market
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.pool_views import PoolView, pools_between
from orderflow.domain.pools import Pool
from orderflow.domain.tokens import TOKENS
from tests.support.builders import amm_v4, cpmm, damm_v2, market
from tests.support.router_pools import NOW_S, bins, named

SOL, USDC, JUP = TOKENS["SOL"], TOKENS["USDC"], TOKENS["JUP"]


def views(*pools: Pool, token_in: str = "SOL", token_out: str = "USDC") -> Sequence[PoolView]:
    return pools_between(Market(7, NOW_S, pools, ()), TOKENS[token_in], TOKENS[token_out])


def test_a_pool_is_shown_with_all_that_is_known_of_it() -> None:
    [view] = views(amm_v4(1_000 * 10**9, 220_000 * 10**6))

    assert view == PoolView(
        pool="raydium:SOL-USDC",
        venue="raydium",
        kind="raydium",
        token_a="SOL",
        token_b="USDC",
        reserve_a="1000000000000",
        reserve_b="220000000000",
        fee_bps="25",
        price="220",
    )


def test_the_price_is_of_the_pair_as_it_is_asked_for_and_the_reserves_are_the_pool_s() -> None:
    [view] = views(amm_v4(1_000 * 10**9, 250_000 * 10**6), token_in="USDC", token_out="SOL")

    assert (view.price, view.token_a, view.reserve_a, view.fee_bps) == ("0.004", "SOL", "1000000000000", "25")


@pytest.mark.parametrize(
    ("pool", "fee_bps"),
    [
        (amm_v4(), "25"),
        (cpmm(fee_rate=100), "1"),
        (cpmm(fee_rate=12_345), "123.45"),
        (damm_v2(fee_rate=333_000), "3.33"),
    ],
    ids=str,
)
def test_the_fee_is_the_one_that_the_program_takes(pool: Pool, fee_bps: str) -> None:
    assert [view.fee_bps for view in views(pool)] == [fee_bps]
    assert [view.fee_bps for view in views(pool, token_in="USDC", token_out="SOL")] == [fee_bps]


def test_the_fee_of_bins_rises_with_their_volatility() -> None:
    calm, nervous = bins("meteora_dlmm:calm", [10**9]), bins("meteora_dlmm:nervous", [10**9], va=50_000, last_s=NOW_S)

    low, high = views(calm, nervous)

    assert (low.kind, high.kind) == ("meteora_dlmm", "meteora_dlmm")
    assert low.fee_bps is not None
    assert high.fee_bps is not None
    assert 0 < float(low.fee_bps) < float(high.fee_bps)


@pytest.mark.parametrize("emptied", [("bins_x",), ("bins_y",), ("bins_x", "bins_y")])
def test_a_pool_without_one_token_has_a_price_and_an_empty_one_has_none(emptied: tuple[str, ...]) -> None:
    full = bins("meteora_dlmm:x", [10**9])
    pool = msgspec.structs.replace(full, **dict.fromkeys(emptied, (0,)))

    [view] = views(pool)

    has_price = len(emptied) == 1
    assert (view.price is not None, view.fee_bps is not None) == (has_price, has_price)


def test_only_the_pair_s_own_pools_are_shown_by_venue_and_address() -> None:
    others = (named(amm_v4(), "a", ("SOL", "JUP")), named(amm_v4(), "b", ("JUP", "USDC")))
    turned = named(amm_v4(), "c", ("USDC", "SOL"))

    found = views(cpmm(), *others, turned, damm_v2())

    assert [view.pool for view in found] == ["meteora:SOL-USDC", "c", "raydium:cpmm:SOL-USDC"]


def test_the_prices_lie_around_what_the_pair_is_worth() -> None:
    pools = [pool for pool in market().values() if pool.pool.endswith(":SOL-USDC")]
    [pair] = MarketPrices().views(pools, NOW_S)

    prices = sorted(float(view.price or 0) for view in views(*pools))

    assert prices[0] <= float(pair.reference) <= prices[-1]
