"""The market around our orders, slot by slot: prices move, others trade and provide, arbitrage pulls the pools back."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, sqrt
from random import Random
from typing import cast

import msgspec

from orderflow.domain.pools import Dlmm, Pool
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.arbitrage import pull_to_fair
from orderflow.venues.mock.market_script import NO_SCRIPT, MarketScript
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.providers import LOOK_EVERY, has_provider, is_off_centre, recentred, turns
from orderflow.venues.mock.trades import Flows, atoms_a_dollar, trade

GENESIS_S = 1_763_800_000
"""When the market's own clock begins, in seconds since 1970; DLMM pools measure how long ago they traded by it."""

_SLOTS_A_YEAR = 365 * 24 * 3600 * 1000 / SLOT_MS

# Volatility a year of the logarithm of a token's price in dollars. Staked SOL follows SOL.
_VOLATILITY = {
    "SOL": 0.75,
    "USDT": 0.004,
    "JUP": 1.0,
    "RAY": 1.1,
    "BONK": 1.3,
    "WIF": 1.4,
    "JTO": 1.0,
    "PYTH": 1.0,
    "ORCA": 1.0,
}
_FOLLOWS_SOL = ("mSOL", "JitoSOL")
_STAKED_VOLATILITY = 0.01
_JUMPS_A_SLOT = 400 / 3_600_000  # one an hour
_JUMP_SIZE = 0.004

_NOISE_A_SLOT = 0.01
_NOISE_MEDIAN_USD = 150.0
_NOISE_SIGMA = 1.2


class Background(msgspec.Struct, frozen=True):
    """The market after some slots: fair prices in dollars, the pools that others changed, and what they paid."""

    fair: dict[str, float]
    changed: dict[str, Pool]
    flows: dict[str, int]


def opening_prices() -> dict[str, float]:
    """Return the fair prices that the market opens with."""
    return {symbol: float(price) for symbol, price in OPENING_PRICES.items()}


def chain_seconds(slot: int) -> int:
    """Return the market's own time at a slot."""
    return GENESIS_S + slot * SLOT_MS // 1000


def advance(
    seed: int,
    slot: int,
    to_slot: int,
    fair: Mapping[str, float],
    pools: Mapping[str, Pool],
    script: MarketScript = NO_SCRIPT,
) -> Background:
    """Let the market live from after `slot` up to and including `to_slot`.

    Everything comes slot by slot, each with a generator of its own: prices move, then `script` sets some, others trade,
    the providers whose turn it is look, and arbitrage pulls all pools back. So it makes no difference how the slots are
    divided.
    """
    prices, state, flows = dict(fair), dict(pools), Flows()
    looks = turns(seed, tuple(address for address, pool in pools.items() if has_provider(pool)))
    for passing in range(slot + 1, to_slot + 1):
        random, now_s = Random(f"{seed}:{passing}"), chain_seconds(passing)
        _move(random, prices)
        prices.update(script.get(passing, {}))
        for address, token_in, amount in _noise(random, prices, state):
            trade(state, flows, address, token_in, amount, now_s)
        for address in looks.get(passing % LOOK_EVERY, ()):
            _look_after(state, flows, address, prices, now_s)
        pull_to_fair(state, flows, pools, prices, now_s)
    return _background(prices, state, flows, pools)


def pull_back(slot: int, fair: Mapping[str, float], pools: Mapping[str, Pool], traded: Sequence[str]) -> Background:
    """Let arbitrage follow the trades of a slot within that slot, in the pools that were `traded`.

    Without it everybody who is quoted next would rush into the same mispriced pool, and push it as far to the other
    side.
    """
    state, flows = dict(pools), Flows()
    pull_to_fair(state, flows, traded, fair, chain_seconds(slot))
    return _background(dict(fair), state, flows, pools)


def _background(
    prices: dict[str, float], state: Mapping[str, Pool], flows: Flows, before: Mapping[str, Pool]
) -> Background:
    changed = {address: pool for address, pool in state.items() if pool is not before[address]}
    return Background(prices, changed, {place: amount for place, amount in flows.items() if amount})


def _move(random: Random, prices: dict[str, float]) -> None:
    """Take one step of a geometric Brownian motion with jumps for every token."""
    sol_before = prices["SOL"]
    for symbol, volatility in _VOLATILITY.items():
        sigma = volatility / sqrt(_SLOTS_A_YEAR)
        step = random.gauss(-sigma * sigma / 2, sigma)
        if random.random() < _JUMPS_A_SLOT and volatility > 0.1:
            step += random.gauss(0, _JUMP_SIZE)
        prices[symbol] *= exp(step)
    for symbol in _FOLLOWS_SOL:
        own = random.gauss(0, _STAKED_VOLATILITY / sqrt(_SLOTS_A_YEAR))
        prices[symbol] *= prices["SOL"] / sol_before * exp(own)


def _noise(random: Random, prices: Mapping[str, float], pools: Mapping[str, Pool]) -> Iterator[tuple[str, str, int]]:
    """Yield the trades of others in one slot: pool, token sold, atoms."""
    for address, pool in pools.items():
        if random.random() < _NOISE_A_SLOT:
            token = TOKENS[pool.token_a if random.random() < 0.5 else pool.token_b]
            dollars = random.lognormvariate(0, _NOISE_SIGMA) * _NOISE_MEDIAN_USD
            yield address, token.symbol, int(dollars / prices[token.symbol] * 10**token.decimals)


def _look_after(state: dict[str, Pool], flows: Flows, address: str, prices: Mapping[str, float], now_s: int) -> None:
    """Let a DLMM pool's provider lay its liquidity around the price where that has left its middle.

    What it pays in and takes out, its own trade on the way included, goes by `flows`.
    """
    pool = state[address]
    a_dollar = atoms_a_dollar(prices)
    fair = a_dollar[pool.token_b] / a_dollar[pool.token_a]
    if not has_provider(pool) or not is_off_centre(pool, fair):
        return
    # At a price that somebody could gain from, the provider would lay down gifts.
    pull_to_fair(state, flows, [address], prices, now_s)
    traded = cast("Dlmm", state[address])
    state[address] = after = recentred(traded, fair)
    flows[f"{address}|{pool.token_a}"] += after.reserve_a + after.withheld_a - traded.reserve_a - traded.withheld_a
    flows[f"{address}|{pool.token_b}"] += after.reserve_b + after.withheld_b - traded.reserve_b - traded.withheld_b
