"""Spreads an input over the ways of a network: curves and an amount in, what every pair takes out.

Every pair on the way is one curve. The marginal price of a way is the product of its pairs' marginal prices, and at the
best flow all ways in use have come to the same. So: take from the way in use that ends worst, give to the way that ends
best, until no exchange gains anything. Only exchanges that gain are made, so no step can make the flow worse.
"""

from collections.abc import Sequence
from math import inf

from orderflow.domain.router.network import Network
from orderflow.domain.router.pair import PairCurve

MAX_EXCHANGES = 200
MAX_TRIALS = 8
PRECISION = 1e-9
"""An exchange that gains less than this share of the output is not worth another look: a ten-thousandth of a hundredth
of a bp."""

Path = tuple[int, ...]
"""The numbers of the pairs on a way, in their order."""

_Saved = list[tuple[int, float, float, float, float]]


class Flow:
    """What each pair of a network takes and pays, with its marginal price and that price's fall, by pair number."""

    __slots__ = ("bends", "curves", "inputs", "network", "outputs", "prices")

    def __init__(self, network: Network) -> None:
        self.network = network
        self.curves: Sequence[PairCurve] = network.curves
        self.inputs = [0.0] * len(self.curves)
        self.outputs = [0.0] * len(self.curves)
        opening = [curve.at(0.0) for curve in self.curves]
        self.prices = [price for _, price, _ in opening]
        self.bends = [bend for _, _, bend in opening]

    @property
    def output(self) -> float:
        """What arrives at the target."""
        topology = self.network.topology
        return sum(
            paid
            for paid, (_, token_out) in zip(self.outputs, topology.directions, strict=True)
            if token_out == topology.target
        )

    def push(self, path: Path, amount: float) -> float:
        """Send `amount` more along a path; return what more arrives."""
        for number in path:
            given = self.inputs[number] + amount
            paid, price, bend = self.curves[number].at(given)
            amount = paid - self.outputs[number]
            self.inputs[number], self.outputs[number], self.prices[number], self.bends[number] = (
                given,
                paid,
                price,
                bend,
            )
        return amount

    def pull(self, path: Path, amount: float) -> float:
        """Send `amount` less along a path, no more than `removable`; return what less arrives."""
        for number in path:
            given = self.inputs[number] - amount
            # What is left of an emptied pair is the rounding of floats.
            given = given if given > 1e-9 * amount else 0.0
            paid, price, bend = self.curves[number].at(given)
            amount = self.outputs[number] - paid
            self.inputs[number], self.outputs[number], self.prices[number], self.bends[number] = (
                given,
                paid,
                price,
                bend,
            )
        return amount

    def removable(self, path: Path) -> float:
        """Return how much less could enter a path before one of its pairs runs dry."""
        limit = self.inputs[path[-1]]
        for number in reversed(path[:-1]):
            paid, given = self.outputs[number], self.inputs[number]
            limit = given - self.curves[number].input_for(paid - limit) if limit < paid else given
        return limit

    def price_of(self, path: Path) -> float:
        """Return the marginal price at the end of a path."""
        price = 1.0
        for number in path:
            price *= self.prices[number]
        return price

    def fall_of(self, path: Path, shared: frozenset[int]) -> float:
        """Return how fast a path's marginal price falls with its input; pairs in `shared` stay as they are."""
        price, fall = 1.0, 0.0
        for number in path:
            if number not in shared:
                fall += price * self.bends[number]
            price *= self.prices[number]
        return price * fall

    def save(self, numbers: frozenset[int]) -> _Saved:
        """Return the state of some pairs, to be put back with `restore`."""
        return [(n, self.inputs[n], self.outputs[n], self.prices[n], self.bends[n]) for n in numbers]

    def restore(self, saved: _Saved) -> None:
        """Put a saved state back."""
        for number, given, paid, price, bend in saved:
            self.inputs[number], self.outputs[number], self.prices[number], self.bends[number] = (
                given,
                paid,
                price,
                bend,
            )


def best_flow(network: Network, amount: float, leg_cost: float = 0.0) -> Flow:
    """Return how to spread `amount` over the ways of a network, to about a hundredth of a bp of the best.

    A way is opened only when the exchange that opens it gains more than `leg_cost` for every pair that was idle before.
    """
    flow = Flow(network)
    topology = network.topology
    paths = list(topology.paths)
    if topology.direct is not None:
        flow.push(paths[0], amount)
        # Only what earns more than the direct pools' last atom can take anything from them.
        limit = flow.prices[topology.direct]
        paths = [
            path for path, price in zip(paths, network.opening_prices, strict=True) if len(path) == 1 or price > limit
        ]
    else:
        flow.push(max(paths, key=lambda path: _output_along(network, path, amount)), amount)
    _exchange(flow, paths, leg_cost)
    return flow


def _output_along(network: Network, path: Path, amount: float) -> float:
    for number in path:
        amount = network.curves[number].at(amount)[0]
    return amount


def _exchange(flow: Flow, paths: list[Path], leg_cost: float) -> None:
    least = PRECISION * flow.output
    # Pairs of ways between which nothing could be gained, with the gap between their prices at that time.
    spent: dict[tuple[Path, Path], float] = {}
    for _ in range(MAX_EXCHANGES):
        choice = _widest_gap(flow, paths, spent)
        if choice is None:
            return
        gap, best, worst = choice
        idle = sum(1 for number in best if flow.inputs[number] == 0.0)
        if not _try_exchange(flow, worst, best, max(least, idle * leg_cost)):
            spent[best, worst] = gap


def _widest_gap(
    flow: Flow, paths: list[Path], spent: dict[tuple[Path, Path], float]
) -> tuple[float, Path, Path] | None:
    """Return the way that ends best and the one in use that ends worst, or the next of them that may still gain."""
    inputs = flow.inputs
    ends = sorted(((flow.price_of(path), path) for path in paths), reverse=True)
    used = [(price, path) for price, path in reversed(ends) if all(inputs[number] > 0.0 for number in path)]
    for best_price, best in ends:
        for worst_price, worst in used:
            if best_price <= worst_price * (1 + PRECISION):
                break
            gap = best_price / worst_price - 1 if worst_price else inf
            if gap > 1.5 * spent.get((best, worst), 0.0) and not _closes_circle(flow, best):
                return gap, best, worst
    return None


def _try_exchange(flow: Flow, worst: Path, best: Path, least: float) -> bool:
    """Move as much from one way to another as brings their prices together; False when that gains less than `least`.

    Newton's step from the prices' falls comes first. Bins make prices jump: where a step goes too far, the next is
    as much shorter as the prices crossed.
    """
    shared = frozenset(worst).intersection(best)
    touched = frozenset(worst).union(best)
    gap = flow.price_of(best) - flow.price_of(worst)
    fall = flow.fall_of(worst, shared) + flow.fall_of(best, shared)
    step = limit = flow.removable(worst)
    if fall * limit > gap:
        step = gap / fall
    saved = flow.save(touched)
    for trial in range(1, MAX_TRIALS + 1):
        lost = flow.pull(worst, step)
        gain = flow.push(best, step) - lost
        rest = flow.price_of(best) - flow.price_of(worst)
        if gain > least and (rest > -0.5 * gap or trial == MAX_TRIALS):
            return True
        flow.restore(saved)
        if rest >= 0:
            return False
        step *= max(gap / (gap - rest), 0.1)
    return False


def _closes_circle(flow: Flow, path: Path) -> bool:
    """Whether the way would lead tokens back to where others come from: pools can't be used in both directions."""
    directions = flow.network.topology.directions
    inner = [directions[number] for number in path[1:-1]]
    used = [direction for direction, given in zip(directions, flow.inputs, strict=True) if given > 0.0]
    for start, end in inner:
        reached = {end}
        grown = True
        while grown:
            onward = {token_out for token_in, token_out in used if token_in in reached} - reached
            reached |= onward
            grown = bool(onward)
        if start in reached:
            return True
    return False
