"""What every pair of a network takes and pays: the state that the search for the best allocation changes."""

from collections.abc import Iterable
from math import inf, sqrt

from orderflow.domain.router.network import Network, Path
from orderflow.domain.router.pair import LEAST_PRICE

_EMPTY = 1e-12
"""A pair that is left with a smaller share of its input than this is emptied: what remains is an error of floats."""
A_LITTLE_LESS = 1 - 1e-7

Saved = list[tuple[int, float, float, float, float]]


class Flow:
    """A flow through a network, by pair number: inputs, outputs, marginal prices, and their slopes −(log price)'.

    What arrives at a token leaves it again, except at the source and the target. The marginal price of a path is the
    product of its pairs' marginal prices.
    """

    __slots__ = ("curves", "inputs", "network", "outputs", "prices", "slopes")

    def __init__(self, network: Network) -> None:
        self.network = network
        self.curves = network.curves
        self.inputs = [0.0] * len(self.curves)
        self.outputs = [0.0] * len(self.curves)
        self.prices = [price for _, price, _ in network.openings]
        self.slopes = [slope for _, _, slope in network.openings]

    @property
    def input(self) -> float:
        """What leaves the source."""
        return sum(self.inputs[number] for number in self.network.topology.first)

    @property
    def output(self) -> float:
        """What arrives at the target."""
        return sum(self.outputs[number] for number in self.network.topology.last)

    @property
    def pairs_in_use(self) -> int:
        """How many pairs take something."""
        return sum(given > 0.0 for given in self.inputs)

    def push(self, path: Path, amount: float) -> float:
        """Send `amount` more along a path; return how much more arrives."""
        inputs, outputs, prices, slopes, curves = self.inputs, self.outputs, self.prices, self.slopes, self.curves
        for number in path:
            inputs[number] = given = inputs[number] + amount
            paid, prices[number], slopes[number] = curves[number].at(given)
            amount = paid - outputs[number]
            outputs[number] = paid
        return amount

    def pull(self, path: Path, amount: float) -> float:
        """Send `amount` less along a path, `removable` less at most; return how much less arrives."""
        inputs, outputs, prices, slopes, curves = self.inputs, self.outputs, self.prices, self.slopes, self.curves
        for number in path:
            left = inputs[number] - amount
            inputs[number] = given = left if left > _EMPTY * inputs[number] else 0.0
            paid, prices[number], slopes[number] = curves[number].at(given)
            amount = outputs[number] - paid
            outputs[number] = paid
        return amount

    def removable(self, path: Path) -> float:
        """Return how much less could enter a path before one of its pairs is empty."""
        limit = self.inputs[path[-1]]
        for number in reversed(path[:-1]):
            paid, given = self.outputs[number], self.inputs[number]
            limit = given - self.curves[number].input_for(paid - limit) if limit < paid else given
        return limit

    def in_use(self, path: Path) -> bool:
        """Whether every pair of a path takes something."""
        return all(self.inputs[number] > 0.0 for number in path)

    def price_of(self, path: Path) -> float:
        """Return the marginal price at the end of a path."""
        price = 1.0
        for number in path:
            price *= self.prices[number]
        return price

    def last_price_of(self, path: Path) -> float:
        """Return what the last atom of a path's input earns: more than the next atom where a bin is just full."""
        price = 1.0
        for number in path:
            price *= self.curves[number].at(self.inputs[number] * A_LITTLE_LESS)[1]
        return price

    def slope_of(self, path: Path, unmoved: frozenset[int] = frozenset()) -> float:
        """Return −(log price)' of a path by its input, as if the pairs in `unmoved` kept their prices."""
        price, slope = 1.0, 0.0
        for number in path:
            if number not in unmoved:
                slope += price * self.slopes[number]
            price *= self.prices[number]
        return slope

    def room(self, path: Path) -> float:
        """Return how much more can enter a path before one of its pairs comes to another piece of its curve."""
        room = inf
        for number in reversed(path):
            curve, given = self.curves[number], self.inputs[number]
            if room < inf:
                room = curve.input_for(self.outputs[number] + room) - given
            room = min(room, curve.room(given))
        return room

    def room_back(self, path: Path) -> float:
        """Return how much less can enter a path before one of its pairs comes to an earlier piece of its curve."""
        room = inf
        for number in reversed(path):
            curve, given, paid = self.curves[number], self.inputs[number], self.outputs[number]
            if room < inf:
                room = given - curve.input_for(paid - room) if room < paid else given
            room = min(room, curve.room_back(given))
        return room

    def speeds(self, rates: Iterable[tuple[Path, float]]) -> dict[int, float]:
        """Return how fast the inputs of pairs grow when those of paths grow at given rates."""
        speeds: dict[int, float] = {}
        for path, rate in rates:
            for number in path:
                speeds[number] = speeds.get(number, 0.0) + rate
                rate *= self.prices[number]
        return speeds

    def closes_cycle(self, path: Path) -> bool:
        """Whether a path that is not in use yet would close a cycle of tokens with those in use.

        The swaps of a cycle have no order that works, and no pool can buy both its tokens at once.
        """
        directions = self.network.topology.directions
        for number in path[1:-1]:
            if self.inputs[number] > 0.0:
                continue
            start, end = directions[number]
            used = [pair for pair, given in zip(directions, self.inputs, strict=True) if given > 0.0]
            reached, grown = {end}, {end}
            while grown:
                grown = {token_out for token_in, token_out in used if token_in in grown} - reached
                reached |= grown
            if start in reached:
                return True
        return False

    def save(self, numbers: Iterable[int]) -> Saved:
        """Return the state of pairs, to be put back with `restore`."""
        return [(n, self.inputs[n], self.outputs[n], self.prices[n], self.slopes[n]) for n in numbers]

    def restore(self, saved: Saved) -> None:
        """Put a saved state back."""
        for number, given, paid, price, slope in saved:
            self.inputs[number], self.outputs[number] = given, paid
            self.prices[number], self.slopes[number] = price, slope


def root_of(price: float) -> float:
    """Return 1/√price, in which a hyperbola's input is linear."""
    return 1 / sqrt(max(price, LEAST_PRICE))
