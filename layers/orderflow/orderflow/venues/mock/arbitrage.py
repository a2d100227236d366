"""Arbitrage: a pool that pays more than is fair, its fee paid, is traded to where nothing is to be gained from it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orderflow.domain.pools import Pool
from orderflow.domain.pools.curves import PoolCurve
from orderflow.venues.mock.trades import Flows, atoms_a_dollar, trade

LEAST_ARBITRAGE_USD = 1.0


class _Kept(NamedTuple):
    """What a pool pays for the first atom of each of its tokens, from one second until before another.

    `curves` are made when they are asked for, by the token that is sold.
    """

    pool: Pool
    from_s: int
    until_s: float
    price_a: float
    price_b: float
    curves: dict[str, PoolCurve]


# By address. Every slot asks every pool, and in most slots nearly all pools are the same as in the one before.
_kept: dict[str, _Kept] = {}


def pull_to_fair(
    state: dict[str, Pool], flows: Flows, addresses: Iterable[str], prices: Mapping[str, float], now_s: int
) -> None:
    """Trade each of the pools back to its fee band around the fair price, where that takes more than a dollar."""
    a_dollar = atoms_a_dollar(prices)
    for address in addresses:
        pool = state[address]
        kept = _kept.get(address)
        if kept is None or kept.pool is not pool or not kept.from_s <= now_s < kept.until_s:
            kept = _kept[address] = _look_at(pool, now_s)
        atoms_a, atoms_b = a_dollar[pool.token_a], a_dollar[pool.token_b]
        if kept.price_a > atoms_b / atoms_a:
            token_in, fair = pool.token_a, atoms_b / atoms_a
        elif kept.price_b > atoms_a / atoms_b:
            token_in, fair = pool.token_b, atoms_a / atoms_b
        else:
            continue  # as nearly all do
        curve = kept.curves.get(token_in)
        if curve is None:
            curve = kept.curves[token_in] = pool.curve(token_in, now_s)
        amount = curve.input_above(fair)
        if amount > LEAST_ARBITRAGE_USD * a_dollar[token_in]:
            trade(state, flows, address, token_in, int(amount), now_s)


def _look_at(pool: Pool, now_s: int) -> _Kept:
    prices = pool.first_price(pool.token_a, now_s), pool.first_price(pool.token_b, now_s)
    return _Kept(pool, now_s, pool.fee_falls_at(now_s), *prices, {})
