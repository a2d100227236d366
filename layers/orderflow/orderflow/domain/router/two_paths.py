"""Divides an amount between two paths, exactly: in the best division both end at one marginal price.

All is computed in root = 1/√price, as in water filling. As long as no pair comes to another piece of its curve, the
root of a path is linear in what the path takes, so one step makes two paths equal. The price of a bin jumps at its end:
there the division may stop.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import inf
from typing import NamedTuple

from orderflow.domain.router.dual_bound import path_values
from orderflow.domain.router.flow import root_of
from orderflow.domain.router.network import Network, Pair, Path, Topology
from orderflow.domain.router.pair import PairCurve

MAX_STEPS = 24
EQUAL = 1e-8
"""Roots that differ by a smaller share than this are equal."""
JUST_BEYOND = 1e-10
"""The share of the amount by which a step goes beyond the end of a piece."""


class Fork(NamedTuple):
    """Two paths: the pairs of both before they part, those of each alone, those of both after they have met."""

    before: Path
    one: Path
    other: Path
    after: Path


class Division(NamedTuple):
    """An amount divided between the two paths of a fork.

    The other path takes `share` of what arrives where they part; `paid` is what arrives at the end, and `prices` has
    the marginal price of each pair, by its number.
    """

    fork: Fork
    amount: float
    share: float
    paid: float
    prices: Mapping[int, float]

    @property
    def parts(self) -> list[tuple[Path, float]]:
        """Both paths, each with its part of the amount."""
        before, one, other, after = self.fork
        part = self.amount * self.share
        return [(before + one + after, self.amount - part), (before + other + after, part)]

    def values(self, topology: Topology) -> dict[str, float]:
        """Return what an atom of each token on the paths earns, in atoms of the target."""
        (one, _), (other, _) = self.parts
        return path_values(topology, other, self.prices) | path_values(topology, one, self.prices)


@lru_cache(maxsize=4096)
def fork_of(topology: Topology, one: Path, other: Path) -> Fork | None:
    """Return where two paths part and meet; None where they meet in between, too."""
    shorter = min(len(one), len(other))
    start = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    end = next((place for place in range(shorter - start) if one[-1 - place] != other[-1 - place]), shorter - start)
    fork = Fork(one[:start], one[start : len(one) - end], other[start : len(other) - end], one[len(one) - end :])
    met = {topology.directions[number][1] for number in fork.one[:-1]}
    return None if any(topology.directions[number][1] in met for number in fork.other[:-1]) else fork


def divide(network: Network, fork: Fork, amount: float) -> Division | None:
    """Return the division of an amount that pays most; None where finding it takes too many steps."""
    pairs = network.pairs
    prices: dict[int, float] = {}
    arrived = follow(pairs, fork.before, amount, prices)
    taken = _taken(
        [pairs[number].curve for number in fork.one], [pairs[number].curve for number in fork.other], arrived
    )
    if taken is None:
        return None
    met = follow(pairs, fork.one, arrived - taken, prices) + follow(pairs, fork.other, taken, prices)
    return Division(fork, amount, taken / arrived, follow(pairs, fork.after, met, prices), prices)


def follow(pairs: Sequence[Pair], path: Path, amount: float, prices: dict[int, float]) -> float:
    """Return what arrives at the end of a path, or of a part of one, and note the marginal prices of its pairs."""
    for number in path:
        amount, prices[number], _ = pairs[number].curve.at(amount)
    return amount


def _taken(one: Sequence[PairCurve], other: Sequence[PairCurve], amount: float) -> float | None:
    """Return what the other of two paths takes in the best division, from nothing on; None after too many steps."""
    taken = beyond = 0.0
    for _ in range(MAX_STEPS):
        given, root, rise = _along(one, amount - beyond)
        other_given, other_root, other_rise = _along(other, beyond)
        gap = root - other_root
        if gap <= EQUAL * root:
            return taken
        step = min(_room_back(one, given), _room(other, other_given), amount - beyond)
        if (rise + other_rise) * step >= gap:
            return beyond + gap / (rise + other_rise)
        taken = beyond + step
        if taken >= amount:
            return amount
        beyond = min(taken + JUST_BEYOND * amount, amount)
    return None


def _along(curves: Sequence[PairCurve], amount: float) -> tuple[list[float], float, float]:
    """Return what each curve of a path takes and pays, the root of the path, and how fast that rises."""
    amounts, price, slope = [amount], 1.0, 0.0
    for curve in curves:
        amount, own_price, own_slope = curve.at(amount)
        amounts.append(amount)
        slope += price * own_slope
        price *= own_price
    root = root_of(price)
    return amounts, root, root * slope / 2


def _room(curves: Sequence[PairCurve], amounts: Sequence[float]) -> float:
    """Return how much more a path can take before one of its pairs comes to another piece of its curve."""
    room = inf
    for place in range(len(curves) - 1, -1, -1):
        curve, given = curves[place], amounts[place]
        if room < inf:
            room = curve.input_for(amounts[place + 1] + room) - given
        room = min(room, curve.room(given))
    return room


def _room_back(curves: Sequence[PairCurve], amounts: Sequence[float]) -> float:
    """Return how much less a path can take before one of its pairs comes to an earlier piece of its curve."""
    room = inf
    for place in range(len(curves) - 1, -1, -1):
        curve, given, paid = curves[place], amounts[place], amounts[place + 1]
        if room < inf:
            room = given - curve.input_for(paid - room) if room < paid else given
        room = min(room, curve.room_back(given))
    return room
