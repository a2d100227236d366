"""The pools between two tokens as they are shown: the market and a pair in, what each pool holds, asks and says out."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from orderflow.domain.conditions import shown_price
from orderflow.domain.market import Market
from orderflow.domain.market_prices import mid_price
from orderflow.domain.pools import AnyPool, program_of
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import Token

FEE_DECIMALS = 4


class PoolView(msgspec.Struct, frozen=True):
    """A pool of two tokens: what it holds of each in atoms, its fee, and its price without that; decimal strings.

    `kind` is the program that it belongs to. `fee_bps` is what the next atom pays, in basis points; `price` is in units
    of the pair's `token_out` per unit of its `token_in`. Both are null for a pool that is empty.
    """

    pool: str
    venue: str
    kind: str
    token_a: str
    token_b: str
    reserve_a: str
    reserve_b: str
    fee_bps: str | None
    price: str | None


def pools_between(market: Market, token_in: Token, token_out: Token) -> list[PoolView]:
    """Return the pools of a pair by venue and address, their prices in units of `token_out` per unit of `token_in`."""
    pair = {token_in.symbol, token_out.symbol}
    found = [pool for pool in market.pools if {pool.token_a, pool.token_b} == pair]
    found.sort(key=lambda pool: (pool.venue, pool.pool))
    return [_view(pool, token_in, token_out, market.now_s) for pool in found]


def _view(pool: AnyPool, token_in: Token, token_out: Token, now_s: int) -> PoolView:
    symbol, other = token_in.symbol, token_out.symbol
    sold, bought = pool.first_price(symbol, now_s), pool.first_price(other, now_s)
    units = 10.0 ** (token_in.decimals - token_out.decimals)
    price = mid_price(pool, symbol, units, pays=bool(sold), pays_back=bool(bought))
    reserve_a, reserve_b = pool.reserves(pool.token_a)
    return PoolView(
        pool=pool.pool,
        venue=pool.venue,
        kind=program_of(pool.pool),
        token_a=pool.token_a,
        token_b=pool.token_b,
        reserve_a=str(reserve_a),
        reserve_b=str(reserve_b),
        fee_bps=next(_fees(pool, {symbol: sold, other: bought}), None),
        price=shown_price(price) if price else None,
    )


def _fees(pool: AnyPool, first_prices: dict[str, float]) -> Iterator[str]:
    """Yield what the first atom of each token pays that the pool takes: by how much it earns less than without fees."""
    for token, first in first_prices.items():
        if first:
            bps = round((1 - first / float(pool.spot_price(token))) * BPS, FEE_DECIMALS)
            yield f"{Decimal(str(bps)).normalize():f}"
