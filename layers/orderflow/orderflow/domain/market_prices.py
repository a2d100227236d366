"""The prices of all pairs over a market's pools: pools in, a tick out. What an unchanged pool gave is kept."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import NamedTuple

from orderflow.domain.pools import AnyPool
from orderflow.domain.ticks import PairPrices, Tick, pair_name
from orderflow.domain.tokens import TOKENS

Direction = tuple[str, str]

HUBS = ("USDC", "SOL")
"""Over which token a pair without pools of its own has its reference price: the first with which both have one."""

_FLOAT_MARGIN = 1 + 1e-9


class _PoolPrices(NamedTuple):
    """What a pool says of its pair, from one second until before another; prices in units.

    `best_a` is for token a sold, `best_b` for token b. `mid` is in b per a, without fees; 0 where the pool is empty.
    `depth` is what the pool holds, in units of b at that price.
    """

    pool: AnyPool
    from_s: int
    until_s: float
    best_a: float
    best_b: float
    mid: float
    depth: float


class MarketPrices:
    """Makes ticks of one market; threads may share it."""

    def __init__(self) -> None:
        self._known: dict[str, _PoolPrices] = {}

    def tick(self, slot: int, pools: Iterable[AnyPool], now_s: int) -> Tick:
        """Return the prices over `pools` at the second `now_s`."""
        latest = [self._look_at(pool, now_s) for pool in pools]
        direct: dict[Direction, float] = {}
        by_pair: dict[Direction, list[_PoolPrices]] = {}
        for known in latest:
            a, b = known.pool.token_a, known.pool.token_b
            direct[a, b] = max(direct.get((a, b), 0.0), known.best_a)
            direct[b, a] = max(direct.get((b, a), 0.0), known.best_b)
            by_pair.setdefault((min(a, b), max(a, b)), []).append(known)
        best = _best_paths(direct)
        references = _references(by_pair, best)
        prices = {
            pair_name(*direction): PairPrices(best.get(direction, 0.0) * _FLOAT_MARGIN, reference)
            for direction, reference in references.items()
        }
        return Tick(slot, prices)

    def _look_at(self, pool: AnyPool, now_s: int) -> _PoolPrices:
        known = self._known.get(pool.pool)
        if known is None or known.pool is not pool or not known.from_s <= now_s < known.until_s:
            known = self._known[pool.pool] = _prices_of(pool, now_s)
        return known


def _prices_of(pool: AnyPool, now_s: int) -> _PoolPrices:
    a, b = pool.token_a, pool.token_b
    units = 10.0 ** (TOKENS[a].decimals - TOKENS[b].decimals)
    # A curve's price, not the first atom's: where a pool's fee falls from bin to bin, a later bin may pay more.
    best_a, best_b = pool.curve(a, now_s).price * units, pool.curve(b, now_s).price / units
    mids = [float(pool.spot_price(a)) * units] if best_a else []
    mids += [units / float(pool.spot_price(b))] if best_b else []
    mid = sqrt(mids[0] * mids[-1]) if mids else 0.0
    held_a, held_b = pool.reserves(a)
    depth = (held_a * mid / units + held_b) / 10.0 ** TOKENS[b].decimals
    return _PoolPrices(pool, now_s, pool.fee_falls_at(now_s), best_a, best_b, mid, depth)


def _best_paths(direct: Mapping[Direction, float]) -> dict[Direction, float]:
    """Return the best product of prices over paths of up to three hops, by the tokens at their ends."""
    after: dict[str, list[tuple[str, float]]] = {}
    for (token_in, token_out), price in direct.items():
        after.setdefault(token_in, []).append((token_out, price))
    best = {direction: price for direction, price in direct.items() if price > 0}
    reached = dict(best)
    for _ in range(2):
        further: dict[Direction, float] = {}
        for (source, middle), price in reached.items():
            for target, next_price in after[middle]:
                product = price * next_price
                if target != source and product > further.get((source, target), 0.0):
                    further[source, target] = product
        reached = further
        for direction, price in further.items():
            if price > best.get(direction, 0.0):
                best[direction] = price
    return best


def _references(
    by_pair: Mapping[Direction, Iterable[_PoolPrices]], best: Mapping[Direction, float]
) -> dict[Direction, float]:
    """Return the reference prices of all pairs with a best price, both directions; they are reciprocals."""
    own = {pair: price for pair, pools in by_pair.items() if (price := _own_reference(pair[0], pools))}
    own |= {(quote, base): 1 / price for (base, quote), price in own.items()}
    references: dict[Direction, float] = {}
    for base, quote in {(min(direction), max(direction)): None for direction in best}:
        price = own.get((base, quote)) or _over_a_hub(own, base, quote) or _between(best, base, quote)
        references[base, quote], references[quote, base] = price, 1 / price
    return references


def _own_reference(base: str, pools: Iterable[_PoolPrices]) -> float | None:
    """Return the median of a pair's pools by their depth, per unit of `base`; None where all are empty."""
    weighted = [
        (known.mid, known.depth) if known.pool.token_a == base else (1 / known.mid, known.depth / known.mid)
        for known in pools
        if known.mid > 0
    ]
    return _median(sorted(weighted)) if weighted else None


def _median(weighted: list[tuple[float, float]]) -> float:
    """Return the price at half of the weight; between two, where half lies there, the geometric mean."""
    half, passed = sum(weight for _, weight in weighted) / 2, 0.0
    for (price, weight), (next_price, _) in zip(weighted, [*weighted[1:], weighted[-1]], strict=True):
        passed += weight
        if passed == half:
            return sqrt(price * next_price)
        if passed > half:
            return price
    return weighted[-1][0]


def _over_a_hub(own: Mapping[Direction, float], base: str, quote: str) -> float | None:
    """Return the product of prices over the first of `HUBS` with which both tokens have one."""
    for hub in HUBS:
        if (base, hub) in own and (hub, quote) in own:
            return own[base, hub] * own[hub, quote]
    return None


def _between(best: Mapping[Direction, float], base: str, quote: str) -> float:
    """Return the geometric mean of what the best paths there and back pay, or what the only one of them does."""
    there, back = best.get((base, quote)), best.get((quote, base))
    if there is None or back is None:
        return there or 1 / best[quote, base]
    return sqrt(there / back)
