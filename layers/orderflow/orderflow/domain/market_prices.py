"""The prices of all pairs over a market's pools: pools in, a tick or views out. What an unchanged pool gave is kept."""

from collections.abc import Callable, Iterable, Mapping
from math import sqrt
from types import MappingProxyType
from typing import NamedTuple

from orderflow.domain.conditions import shown_price
from orderflow.domain.launches import Launch
from orderflow.domain.market import PairView
from orderflow.domain.pools import AnyPool
from orderflow.domain.ticks import HUBS, PairPrices, Tick, pair_name
from orderflow.domain.tokens import TOKENS, Token

Direction = tuple[str, str]

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


Factors = tuple[float, float, float]
"""What a hub is worth in the other one: the best price there, the one back, and the reference price there."""


class MarketPrices:
    """Makes ticks of one market; threads may share it. `token_of` returns a token by its symbol, None for no token."""

    def __init__(self, token_of: Callable[[str], Token | None] = TOKENS.get) -> None:
        self._known: dict[str, _PoolPrices] = {}
        self._of_launched = _LaunchedPrices(token_of)

    def tick(
        self,
        slot: int,
        pools: Iterable[AnyPool],
        now_s: int,
        launched: Mapping[str, AnyPool] = MappingProxyType({}),
        launches: tuple[Launch, ...] = (),
        closed: tuple[Launch, ...] = (),
    ) -> Tick:
        """Return the prices over `pools` at the second `now_s`, and of each launched token with the hubs.

        Each of those is token a of the one pool in `launched`, whose token b is a hub: no path leads through it, so the
        others' prices are the same without it.
        """
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
        return Tick(slot, prices | self._of_launched.prices(launched, best, references, now_s), launches, closed)

    def views(self, pools: Iterable[AnyPool], now_s: int) -> list[PairView]:
        """Return what each pair of `pools` is worth at the second `now_s`, by their names; a pool trades its a for b.

        A pair is that of the first of its pools; one whose pools are all empty is not there.
        """
        by_pair: dict[Direction, list[_PoolPrices]] = {}
        for known in (self._look_at(pool, now_s) for pool in pools):
            a, b = known.pool.token_a, known.pool.token_b
            by_pair.setdefault((b, a) if (b, a) in by_pair else (a, b), []).append(known)
        return [view for pair in sorted(by_pair) if (view := _view(*pair, by_pair[pair])) is not None]

    def _look_at(self, pool: AnyPool, now_s: int) -> _PoolPrices:
        known = self._known.get(pool.pool)
        if known is None or known.pool is not pool or not known.from_s <= now_s < known.until_s:
            known = self._known[pool.pool] = _prices_of(pool, now_s)
        return known


def _prices_of(pool: AnyPool, now_s: int, token_a: Token | None = None) -> _PoolPrices:
    a, b = pool.token_a, pool.token_b
    units = 10.0 ** ((token_a or TOKENS[a]).decimals - TOKENS[b].decimals)
    # A curve's price, not the first atom's: where a pool's fee falls from bin to bin, a later bin may pay more.
    best_a, best_b = pool.curve(a, now_s).price * units, pool.curve(b, now_s).price / units
    mid = mid_price(pool, a, units, pays=bool(best_a), pays_back=bool(best_b))
    held_a, held_b = pool.reserves(a)
    depth = (held_a * mid / units + held_b) / 10.0 ** TOKENS[b].decimals
    return _PoolPrices(pool, now_s, pool.fee_falls_at(now_s), best_a, best_b, mid, depth)


def mid_price(pool: AnyPool, token_in: str, units: float, *, pays: bool, pays_back: bool) -> float:
    """Return a pool's price in units of its other token per unit of `token_in`, without fees; 0 where it is empty.

    `units` is how many atoms of `token_in` make a unit for one of the other token. The pool `pays` for `token_in`, or
    for the other one, or for both: then it is the geometric mean of the prices there and back.
    """
    mids = [float(pool.spot_price(token_in)) * units] if pays else []
    mids += [units / float(pool.spot_price(pool.other(token_in)))] if pays_back else []
    return sqrt(mids[0] * mids[-1]) if mids else 0.0


class _LaunchedPrices:
    """Keeps the prices of launched tokens with the hubs: those of a tick are nearly all those of the one before."""

    def __init__(self, token_of: Callable[[str], Token | None]) -> None:
        self._token_of = token_of
        self._pools: dict[str, AnyPool] = {}
        self._known: dict[str, _PoolPrices] = {}
        self._factors: dict[str, Factors] = {}
        self._prices: dict[str, PairPrices] = {}

    def prices(
        self,
        pools: Mapping[str, AnyPool],
        best: Mapping[Direction, float],
        references: Mapping[Direction, float],
        now_s: int,
    ) -> dict[str, PairPrices]:
        """Return the prices of every launched token with its quote token and, over that, with the other hub."""
        if not self._pools.keys() <= pools.keys():
            for address in self._pools.keys() - pools.keys():
                self._forget(self._pools.pop(address))
        changed = [pool for address, pool in pools.items() if self._pools.get(address) is not pool]
        for pool in changed:
            self._take(pool, now_s)
        factors = {hub: _factors(best, references, hub) for hub in HUBS} if pools else {}
        moved = [hub for hub, now in factors.items() if now != self._factors.get(hub)]
        for pool in self._pools.values() if moved else changed:
            self._note(pool, _other_hub(pool.token_b), factors[pool.token_b])
        self._factors = factors
        return self._prices

    def _take(self, pool: AnyPool, now_s: int) -> None:
        token = self._token_of(pool.token_a)
        if token is not None:  # else of a market with another seed, which is about to close
            self._pools[pool.pool] = pool
            self._known[pool.pool] = _prices_of(pool, now_s, token)
            self._note(pool, pool.token_b, (1.0, 1.0, 1.0))

    def _note(self, pool: AnyPool, hub: str, factors: Factors) -> None:
        known, (there, back, reference) = self._known.get(pool.pool), factors
        if known is not None and reference * known.mid:
            at = known.mid * reference
            self._prices[pair_name(pool.token_a, hub)] = PairPrices(known.best_a * there * _FLOAT_MARGIN, at)
            self._prices[pair_name(hub, pool.token_a)] = PairPrices(known.best_b * back * _FLOAT_MARGIN, 1 / at)

    def _forget(self, pool: AnyPool) -> None:
        del self._known[pool.pool]
        for hub in HUBS:
            self._prices.pop(pair_name(pool.token_a, hub), None)
            self._prices.pop(pair_name(hub, pool.token_a), None)


def _other_hub(hub: str) -> str:
    return HUBS[1 - HUBS.index(hub)]


def _factors(best: Mapping[Direction, float], references: Mapping[Direction, float], hub: str) -> Factors:
    there, back = (hub, _other_hub(hub)), (_other_hub(hub), hub)
    return best.get(there, 0.0), best.get(back, 0.0), references.get(there, 0.0)


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


def _view(base: str, quote: str, pools: Iterable[_PoolPrices]) -> PairView | None:
    by_venue: dict[str, list[_PoolPrices]] = {}
    for known in pools:
        by_venue.setdefault(known.pool.venue, []).append(known)
    reference = _own_reference(base, pools)
    if reference is None:
        return None
    own = {venue: _own_reference(base, by_venue[venue]) for venue in sorted(by_venue)}
    venues = {venue: shown_price(price) for venue, price in own.items() if price is not None}
    return PairView(f"{base}/{quote}", base, quote, shown_price(reference), venues)


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
