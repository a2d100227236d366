"""The market, read: what pairs are worth, and the past prices, the pools and the depth of one."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from functions.read_orders.market_view import (
    PAIRS_EXAMPLE,
    POOLS_EXAMPLE,
    PRICES_EXAMPLE,
    Depth,
    PairList,
    PoolList,
    PriceList,
    points_of,
)
from functions.read_orders.pair_query import PairOfTokens, TokenName, read_pair
from functions.read_orders.quote_view import DOLLAR
from orderflow.adapters.reports import MOST_PRICES
from orderflow.domain.amounts import least_worth
from orderflow.domain.depth import Paid, bought_points, measure, sold_points
from orderflow.domain.pool_views import PoolView, pools_between
from orderflow.domain.ticks import pair_name
from orderflow.domain.tokens import Token
from orderflow.domain.venue import Venue
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.query import KNOWN_QUERY, read_limit
from orderflow.runtime.http.responses import json_response

LEAST_WORTH_USD = Decimal(100)
"""What the least amount of a depth is about worth."""
MOST_DEPTHS = 256
"""Sides of depths that are kept: those of a slot are the same until the next one."""

router = APIRouter()
_REFUSED = {"description": "a token that can't be read, or traded; `errors` names the field and the rule"}


@router.get(
    "/api/market/pairs",
    dependencies=KNOWN_QUERY,
    responses={200: answer(PairList, "the pairs", example=PAIRS_EXAMPLE)},
)
async def list_pairs(request: Request) -> Response:
    """List what each pair of tokens that has pools of its own is worth, in all and at each venue, fees left out."""
    return json_response(await async_clients.lookups().run(_pairs, account=caller(request).account))


@router.get(
    "/api/market/prices",
    dependencies=KNOWN_QUERY,
    responses={200: answer(PriceList, "the past prices", example=PRICES_EXAMPLE), 400: _REFUSED},
)
async def list_prices(
    request: Request,
    token_in: TokenName = None,
    token_out: TokenName = None,
    limit: Annotated[str, Query(description=f"from 1 to {MOST_PRICES}")] = "600",
) -> Response:
    """List what a pair was worth after the latest slots that were reported, the oldest first, fees left out.

    They are kept while somebody follows the channel `market`, of pairs of listed tokens that have pools of their own.
    """
    most = read_limit(limit, MOST_PRICES)
    account = caller(request).account
    pair = await read_pair(token_in, token_out, account)
    return json_response(await async_clients.lookups().run(_prices, pair, most, account=account))


@router.get(
    "/api/market/pools",
    dependencies=KNOWN_QUERY,
    responses={200: answer(PoolList, "the pools and the depth", example=POOLS_EXAMPLE), 400: _REFUSED},
)
async def list_pools(request: Request, token_in: TokenName = None, token_out: TokenName = None) -> Response:
    """List the pools between two tokens, and what the best routes pay for growing amounts, over all pools there are.

    The amounts grow from about 100 US dollars until an atom more would earn a fifth less than the first ones do. All
    are in units of token_in, and all prices in units of token_out per unit of token_in, fees paid.
    """
    account = caller(request).account
    pair = await read_pair(token_in, token_out, account)
    slot, pools = await async_clients.lookups().run(_pools, pair, account=account)
    # Each side by itself, so that the quotes of others come in between.
    sold = await async_clients.quoting().run(_side, pair.token_in, pair.token_out, account=account)
    bought = await async_clients.quoting().run(_side, pair.token_out, pair.token_in, account=account)
    return json_response(PoolList(slot, pools, Depth(sold_points(sold, *pair), bought_points(bought, *pair))))


def _pairs() -> PairList:
    market = clients.venue().market()
    return PairList(market.slot, market.pairs)


def _prices(pair: PairOfTokens, most: int) -> PriceList:
    """Return the latest prices of a pair, which are kept for one way round."""
    token_in, token_out = pair.token_in.symbol, pair.token_out.symbol
    reports = clients.reports()
    if prices := reports.past_prices(f"{token_in}/{token_out}", most):
        return points_of(prices)
    return points_of(reports.past_prices(f"{token_out}/{token_in}", most), reversed_pair=True)


def _pools(pair: PairOfTokens) -> tuple[int, list[PoolView]]:
    market = clients.venue().market()
    return market.slot, pools_between(market, *pair)


def _side(sells: Token, buys: Token) -> Sequence[Paid]:
    venue = clients.venue()
    # Every venue is known from others as an object is, which its protocol does not say.
    return _measured(venue, venue.slot(), sells, buys)  # type: ignore[arg-type]


@lru_cache(MOST_DEPTHS)
def _measured(venue: Venue, _slot: int, sells: Token, buys: Token) -> Sequence[Paid]:
    """Return what amounts of a token pay at a slot, which is what the venue's latest pools are of."""
    prices = dict(venue.reference_prices())
    if sells.symbol not in prices:  # it was launched
        now = venue.prices().prices.get(pair_name(sells.symbol, DOLLAR))
        prices |= {sells.symbol: Decimal(now.reference)} if now else {}
    return measure(venue, sells, buys, least_worth(sells, prices, LEAST_WORTH_USD))
