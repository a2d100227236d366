"""The paths of up to three hops from one token to another, and the curves along them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from orderflow.domain.pools import AnyPool
from orderflow.domain.router.pair import PairCurve

MAX_HOPS = 3

Direction = tuple[str, str]
"""(token in, token out)."""

Path = tuple[int, ...]
"""The numbers of the pairs on a path, from the source on."""


class Pair(NamedTuple):
    """A directed pair: its pools, their merged curve that numbers them in this order, and the second it was made."""

    token_in: str
    token_out: str
    pools: tuple[AnyPool, ...]
    curve: PairCurve
    made_s: int


class Topology(NamedTuple):
    """The directed pairs that lie on a path from `source` to `target`, and all such paths, as numbers of pairs."""

    source: str
    target: str
    directions: tuple[Direction, ...]
    paths: tuple[Path, ...]

    @property
    def first(self) -> tuple[int, ...]:
        """The numbers of the pairs that take from the source."""
        return tuple(number for number, (token_in, _) in enumerate(self.directions) if token_in == self.source)

    @property
    def last(self) -> tuple[int, ...]:
        """The numbers of the pairs that pay to the target."""
        return tuple(number for number, (_, token_out) in enumerate(self.directions) if token_out == self.target)

    @property
    def direct(self) -> int | None:
        """The number of the pair from source to target, where there is one."""
        return self.paths[0][0] if self.paths and len(self.paths[0]) == 1 else None


@lru_cache(maxsize=1024)
def topology(directions: frozenset[Direction], source: str, target: str) -> Topology:
    """Return every path of up to three hops without a token twice, the shortest first, then by the tokens' names."""
    onward: dict[str, list[str]] = {}
    for token_in, token_out in sorted(directions):
        onward.setdefault(token_in, []).append(token_out)
    begun: list[tuple[str, ...]] = [(source,)]
    complete: list[tuple[str, ...]] = []
    for _ in range(MAX_HOPS):
        begun = [(*tokens, token) for tokens in begun for token in onward.get(tokens[-1], ()) if token not in tokens]
        complete += [tokens for tokens in begun if tokens[-1] == target]
        begun = [tokens for tokens in begun if tokens[-1] != target]
    numbers: dict[Direction, int] = {}
    paths = tuple(tuple(numbers.setdefault(hop, len(numbers)) for hop in pairwise(tokens)) for tokens in complete)
    return Topology(source, target, tuple(numbers), paths)


class Network:
    """The pairs of a topology with their curves as they are now, and what the first atom earns on each path.

    `best_hop_price` is the most that it earns on a path of more than one hop.
    """

    __slots__ = ("best_hop_price", "best_prices", "curves", "first_prices", "openings", "pairs", "topology")

    def __init__(self, plan: Topology, pairs: Iterable[Pair]) -> None:
        self.topology = plan
        self.pairs = tuple(pairs)
        self.curves = [pair.curve for pair in self.pairs]
        self.openings = [curve.at(0.0) for curve in self.curves]
        self.first_prices = [self._first_price(path) for path in plan.paths]
        self.best_hop_price = max(self.first_prices[0 if plan.direct is None else 1 :], default=0.0)
        self.best_prices = self._best_prices()

    def most_gain(self, price: float) -> float:
        """Return a bound on what paths of several hops add to a split over the direct pools that ended at `price`.

        Every token in between is valued at price / (the most of it that an atom of the source buys). Then no pair gains
        before the last hop, and there each pair gains its surplus over that value at most. By weak duality the sum is a
        bound on all paths together.
        """
        topology, gain = self.topology, 0.0
        for number, (token_in, token_out) in enumerate(topology.directions):
            if token_out == topology.target and token_in != topology.source:
                gain += self.curves[number].surplus(price / self.best_prices[token_in])
        return gain

    def end_of(self, path: Path, amount: float) -> tuple[float, float]:
        """Return what all of `amount` pays along one path, and what its last atom earns."""
        price = 1.0
        for number in path:
            amount, own_price, _ = self.curves[number].at(amount)
            price *= own_price
        return amount, price

    def _first_price(self, path: Path) -> float:
        price = 1.0
        for number in path:
            price *= self.curves[number].price
        return price

    def _best_prices(self) -> Mapping[str, float]:
        """Return by token the most of it that an atom of the source buys, by any number of hops."""
        topology = self.topology
        best = dict.fromkeys((token for direction in topology.directions for token in direction), 0.0)
        best[topology.source] = 1.0
        # With as many rounds as there are tokens, every path without a cycle is followed to its end. Cycles that gain
        # are for arbitrage, not for the router.
        for _ in best:
            changed = False
            for (token_in, token_out), curve in zip(topology.directions, self.curves, strict=True):
                if (reached := best[token_in] * curve.price) > best[token_out]:
                    best[token_out], changed = reached, True
            if not changed:
                break
        return best
