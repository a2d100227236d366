"""The paths of up to three hops from one token to another, and the curves along them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from math import prod
from typing import NamedTuple

from orderflow.domain.pools import AnyPool
from orderflow.domain.pools.curves import PoolCurve
from orderflow.domain.router.pair import LAST_PRICE, PairCurve

MAX_HOPS = 3

Direction = tuple[str, str]
"""(token in, token out)."""

Path = tuple[int, ...]
"""The numbers of the pairs on a path, from the source on."""


class Pair:
    """A directed pair: its pools, the curve of each, and their merged curve, which is made when it is first asked for.

    The merged curve numbers the pools in this order. `price` is what the first atom earns, `made_s` the second for
    which the curves were made, and `until` the one from which on they are no longer right.
    """

    def __init__(
        self, token_in: str, token_out: str, pools: Sequence[AnyPool], curves: Sequence[PoolCurve], made_s: int
    ) -> None:
        self.token_in = token_in
        self.token_out = token_out
        self.pools = pools
        self.curves = curves
        self.made_s = made_s
        self.price = max(LAST_PRICE, *(curve.price for curve in curves))
        self.until = min(curve.until for curve in curves)

    @cached_property
    def curve(self) -> PairCurve:
        """The curve of all pools together."""
        return PairCurve(dict(enumerate(self.curves)))

    def most_alone(self, amount: float) -> float:
        """Return the most that a single pool pays for an input."""
        return max([curve.out(amount) for curve in self.curves])

    def best_alone(self, amount: float) -> tuple[float, int]:
        """Return the most that a single pool pays for an input, and the number of that pool."""
        outs = [curve.out(amount) for curve in self.curves]
        most = max(outs)
        return most, outs.index(most)


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


@lru_cache(maxsize=4096)
def topology_within(plan: Topology, tokens: frozenset[str]) -> tuple[Topology, tuple[int, ...]]:
    """Return the part of a topology whose paths meet just these tokens, and the numbers that its pairs had before."""
    numbers: dict[int, int] = {}
    paths = tuple(
        tuple(numbers.setdefault(number, len(numbers)) for number in path)
        for path in plan.paths
        if all(token in tokens for number in path for token in plan.directions[number])
    )
    return Topology(plan.source, plan.target, tuple(plan.directions[number] for number in numbers), paths), tuple(
        numbers
    )


class Network:
    """The pairs of a topology with their curves as they are now, and what the first atom earns on each path.

    `paths_by_price` has these prices with the paths, the best first, and `hops_by_price` those of several hops. What
    only a search or its bounds need is made when it is first asked for.
    """

    def __init__(self, plan: Topology, pairs: Iterable[Pair]) -> None:
        self.topology = plan
        self.pairs = tuple(pairs)
        prices = [pair.price for pair in self.pairs]
        self.first_prices = [prod([prices[number] for number in path]) for path in plan.paths]
        hops = slice(0 if plan.direct is None else 1, None)
        self.paths_by_price = sorted(zip(self.first_prices, plan.paths, strict=True), reverse=True)
        self.hops_by_price = sorted(zip(self.first_prices[hops], plan.paths[hops], strict=True), reverse=True)

    @cached_property
    def curves(self) -> list[PairCurve]:
        """The merged curves of the pairs."""
        return [pair.curve for pair in self.pairs]

    @cached_property
    def openings(self) -> list[tuple[float, float, float]]:
        """What each merged curve says of an input of nothing."""
        return [curve.at(0.0) for curve in self.curves]

    @cached_property
    def best_prices(self) -> Mapping[str, float]:
        """By token the most of it that an atom of the source buys, by any number of hops."""
        topology = self.topology
        best = dict.fromkeys((token for direction in topology.directions for token in direction), 0.0)
        best[topology.source] = 1.0
        # With as many rounds as there are tokens, every path without a cycle is followed to its end. Cycles that gain
        # are for arbitrage, not for the router.
        for _ in best:
            changed = False
            for pair in self.pairs:
                if (reached := best[pair.token_in] * pair.price) > best[pair.token_out]:
                    best[pair.token_out], changed = reached, True
            if not changed:
                break
        return best

    def tokens(self, path: Path) -> Iterator[str]:
        """Yield the tokens on a path."""
        yield self.topology.source
        for number in path:
            yield self.pairs[number].token_out

    def within(self, tokens: frozenset[str]) -> tuple["Network", dict[int, int]]:
        """Return the part of the network whose paths meet just these tokens, and the numbers there by those here."""
        part, numbers = topology_within(self.topology, tokens)
        there = {number: place for place, number in enumerate(numbers)}
        return Network(part, [self.pairs[number] for number in numbers]), there

    def end_of(self, path: Path, amount: float) -> tuple[float, float]:
        """Return what all of `amount` pays along one path, and what its last atom earns."""
        price = 1.0
        for number in path:
            amount, own_price, _ = self.curves[number].at(amount)
            price *= own_price
        return amount, price
