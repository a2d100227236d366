"""Keeps the latest states of the pools, and the curves made from them until one of their pools changes."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from orderflow.domain.pools import AnyPool
from orderflow.domain.pools.curves import PoolCurve
from orderflow.domain.router.network import Direction, Network, Pair, topology

Venues = str | frozenset[str] | None
"""The venues whose pools may be used: one, several, or None for all."""


class MarketView:
    """The router's view of the market at one moment: pools in, curves by pair out.

    `reference_prices` says about what a unit of a token is worth in US dollars, by symbol, where that is known.
    """

    def __init__(
        self,
        pools: Iterable[AnyPool] = (),
        now_s: int = 0,
        reference_prices: Mapping[str, Decimal] = MappingProxyType({}),
    ) -> None:
        self.reference_prices = reference_prices
        self._pools: dict[str, AnyPool] = {}
        self._curves: dict[tuple[str, str], tuple[int, PoolCurve]] = {}
        self._listed: dict[Direction, list[str]] = {}
        self._chosen: dict[tuple[Direction, Venues], tuple[str, ...]] = {}
        self._pairs: dict[Direction, dict[Venues, Pair]] = {}
        self._networks: dict[tuple[str, str, Venues], Network] = {}
        self._directions: dict[Venues, frozenset[Direction]] = {}
        self._now_s = now_s
        self.refresh(pools, now_s)

    @property
    def now_s(self) -> int:
        """The second for which the curves are right."""
        return self._now_s

    def refresh(self, pools: Iterable[AnyPool], now_s: int) -> None:
        """Take the latest states of pools; those not given, and curves that are still right, stay as they are."""
        changed = False
        for pool in pools:
            known = self._pools.get(pool.pool)
            if known is pool or known == pool:
                continue
            changed = True
            self._pools[pool.pool] = pool
            for direction in ((pool.token_a, pool.token_b), (pool.token_b, pool.token_a)):
                if known is None:
                    self._listed.setdefault(direction, []).append(pool.pool)
                    self._directions.clear()
                    self._chosen.clear()
                self._curves.pop((pool.pool, direction[0]), None)
                pairs = self._pairs.get(direction, {})
                for venues in [venues for venues in pairs if _includes(venues, pool)]:
                    del pairs[venues]
        if changed or now_s != self._now_s:
            self._networks.clear()
        self._now_s = now_s

    def beside(self, pools: Iterable[AnyPool]) -> "MarketView":
        """Return a view of these pools beside those of this one, which stays as it is; curves that are made are kept.

        It is for pools that only few requests need: a view's paths are found anew whenever it gets another pool.
        """
        view = MarketView((), self._now_s, self.reference_prices)
        view._pools, view._curves = dict(self._pools), dict(self._curves)
        view._listed = {direction: list(addresses) for direction, addresses in self._listed.items()}
        view._pairs = {direction: dict(pairs) for direction, pairs in self._pairs.items()}
        view.refresh(pools, self._now_s)
        return view

    def pool(self, address: str) -> AnyPool:
        """Return a pool's latest state."""
        return self._pools[address]

    def pair(self, token_in: str, token_out: str, venues: Venues = None) -> Pair | None:
        """Return a directed pair with its curve, or None where no pool trades it."""
        if (token_in, token_out) not in self._listed:
            return None
        pairs = self._pairs.setdefault((token_in, token_out), {})
        pair = pairs.get(venues)
        if pair is None or not pair.made_s <= self._now_s < pair.until:
            pools = self._of(token_in, token_out, venues)
            if not pools:
                return None
            curves = [self._curve(pool, token_in) for pool in pools]
            pair = pairs[venues] = Pair(token_in, token_out, pools, curves, self._now_s)
        return pair

    def network(self, source: str, target: str, venues: Venues = None) -> Network:
        """Return all paths of up to three hops from one token to another, with the curves of their pairs."""
        key = (source, target, venues)
        network = self._networks.get(key)
        if network is None:
            plan = topology(self._all_directions(venues), source, target)
            pairs = (self.pair(token_in, token_out, venues) for token_in, token_out in plan.directions)
            network = self._networks[key] = Network(plan, [pair for pair in pairs if pair is not None])
        return network

    def _curve(self, pool: AnyPool, token_in: str) -> PoolCurve:
        """Return a pool's curve. It is made once, for all choices of venues, until the pool or its fee changes."""
        known = self._curves.get((pool.pool, token_in))
        if known is None or not known[0] <= self._now_s < known[1].until:
            known = self._curves[pool.pool, token_in] = self._now_s, pool.curve(token_in, self._now_s)
        return known[1]

    def _of(self, token_in: str, token_out: str, venues: Venues) -> tuple[AnyPool, ...]:
        """Return the pools of a direction, by venue and address. Which these are changes only with a new pool."""
        addresses = self._chosen.get(((token_in, token_out), venues))
        if addresses is None:
            listed = (self._pools[address] for address in self._listed.get((token_in, token_out), ()))
            chosen = [pool for pool in listed if _includes(venues, pool)]
            addresses = tuple(pool.pool for pool in sorted(chosen, key=lambda pool: (pool.venue, pool.pool)))
            self._chosen[(token_in, token_out), venues] = addresses
        return tuple([self._pools[address] for address in addresses])

    def _all_directions(self, venues: Venues) -> frozenset[Direction]:
        if venues not in self._directions:
            traded = (direction for direction in self._listed if self._of(*direction, venues))
            self._directions[venues] = frozenset(traded)
        return self._directions[venues]


def _includes(venues: Venues, pool: AnyPool) -> bool:
    if venues is None or isinstance(venues, str):
        return venues is None or pool.venue == venues
    return pool.venue in venues
