"""All pools of a directed pair as one concave curve: the pools' curves in, one piecewise curve out.

As the price falls, every pool takes input while it pays more than the price. Between two prices at which a pool or a
bin begins to take, the sum of constant-product pools is a hyperbola again: with b = Σb_i and
shift = Σd_i − (what bins have taken), x + shift = b/√price. A bin is a straight piece.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from math import inf, sqrt
from typing import NamedTuple

from orderflow.domain.pools.curves import Hyperbola, PoolCurve, Steps

LAST_PRICE = 1e-60
"""What an atom earns beyond all that the pools can take: not 0, so that prices can always be divided by."""

LEAST_PRICE = 1e-300
"""A product of very low prices may be 0 in floats; a lower price than this counts as this."""


class Piece(NamedTuple):
    """A stretch of the curve from (`start`, `out`) on: a hyperbola where `b` is not 0, else straight.

    `ratio` is b²/(start + shift); `open_pools` counts the hyperbolas that take part, the best price first; `pool` is
    the number of the pool that a straight piece is a bin of.
    """

    start: float
    out: float
    price: float
    b: float = 0.0
    shift: float = 0.0
    ratio: float = 0.0
    open_pools: int = 0
    pool: int = -1


class PairCurve:
    """Output and marginal price of a pair as functions of the input, and each pool's part of it.

    Pools are known by the number under which their curves were given. `price` is what the first atom earns, `capacity`
    what all pools can take, and `until` the second from which on the curve is no longer right.
    """

    __slots__ = (
        "_falling",
        "_hyperbolas",
        "_outs",
        "_starts",
        "_steps",
        "_without",
        "capacity",
        "curves",
        "pieces",
        "price",
        "until",
    )

    def __init__(self, curves: Mapping[int, PoolCurve]) -> None:
        self.curves = dict(curves)
        ranks: dict[int, list[int]] = {number: [] for number in self.curves}
        self.pieces = _sweep(self.curves, ranks)
        self._starts = [piece.start for piece in self.pieces]
        self._outs = [piece.out for piece in self.pieces]
        self._falling = [-piece.price for piece in self.pieces]
        hyperbolas = [(number, curve) for number, curve in self.curves.items() if isinstance(curve, Hyperbola)]
        hyperbolas.sort(key=lambda item: (-item[1].price, item[0]))
        self._hyperbolas = [(number, curve.b, curve.d) for number, curve in hyperbolas]
        # For every pool of bins: the numbers of its pieces, and its total input once the first n of its bins are full.
        self._steps = [
            (number, ranks[number], curve.inputs) for number, curve in self.curves.items() if isinstance(curve, Steps)
        ]
        self._without: dict[int, PairCurve] = {}
        self.capacity = inf if hyperbolas else self._starts[-1]
        self.price = self.pieces[0].price
        self.until = min((curve.until for curve in self.curves.values()), default=inf)

    def at(self, amount: float) -> tuple[float, float, float]:
        """Return the output for an input, the marginal price there, and how fast that falls: −(log price)'."""
        start, out, price, b, shift, ratio, _, _ = self.pieces[bisect_right(self._starts, amount) - 1]
        if b:
            reach = amount + shift
            root = b / reach
            return out + ratio * (amount - start) / reach, root * root, 2 / reach
        return out + price * (amount - start), price, 0.0

    def input_for(self, output: float) -> float:
        """Return the least input that pays `output`; infinity where none does."""
        start, out, price, b, shift, ratio, _, _ = self.pieces[bisect_right(self._outs, output) - 1]
        wanted = output - out
        if wanted <= 0:
            return start
        if b:
            return start + wanted * (start + shift) / (ratio - wanted) if wanted < ratio else inf
        return start + wanted / price

    def room(self, amount: float) -> float:
        """Return how much more input there is up to the end of the piece; infinity on the last."""
        number = bisect_right(self._starts, amount)
        return self._starts[number] - amount if number < len(self._starts) else inf

    def room_back(self, amount: float) -> float:
        """Return how much of the input lies within its piece."""
        return amount - self._starts[bisect_right(self._starts, amount) - 1]

    def best_input(self, price: float) -> float:
        """Return the input x at which out(x) − price·x is greatest: all that pays more than `price`, above 0."""
        number = bisect_left(self._falling, -price) - 1
        if number < 0:
            return 0.0
        piece = self.pieces[number]
        if number + 1 == len(self.pieces):
            return piece.b / sqrt(price) - piece.shift if piece.b else piece.start
        end = self._starts[number + 1]
        return min(piece.b / sqrt(price) - piece.shift, end) if piece.b else end

    def surplus(self, price: float, limit: float = inf) -> float:
        """Return the most of out(x) − price·x over all inputs x up to a limit."""
        price = max(price, LEAST_PRICE)
        amount = min(self.best_input(price), limit)
        return self.at(amount)[0] - price * amount if amount else 0.0

    def parts(self, amount: float) -> tuple[float, list[tuple[int, float]]]:
        """Return the marginal price at an input and what each pool that takes some of it takes."""
        number = bisect_right(self._starts, amount) - 1
        start, _, price, b, shift, _, open_pools, bin_of = self.pieces[number]
        if b:
            root = (amount + shift) / b
            price = 1 / (root * root)
        else:
            root = 1 / sqrt(price)
        parts = [
            (pool, part)
            for pool, pool_b, pool_d in self._hyperbolas[:open_pools]
            if (part := pool_b * root - pool_d) > 0
        ]
        for pool, ranks, inputs in self._steps:
            part = inputs[bisect_left(ranks, number)]
            if pool == bin_of:
                part += amount - start
            if part > 0:
                parts.append((pool, part))
        # In floats the amount may vanish beside the reserves: then the pool with the best price takes all of it.
        return price, parts or [(self._hyperbolas[0][0] if b else bin_of, amount)]

    def without(self, pool: int) -> "PairCurve":
        """Return the curve of all pools but one; it is kept for the next call."""
        curve = self._without.get(pool)
        if curve is None:
            others = {number: other for number, other in self.curves.items() if number != pool}
            curve = self._without[pool] = PairCurve(others)
        return curve


def _sweep(curves: Mapping[int, PoolCurve], ranks: dict[int, list[int]]) -> list[Piece]:
    """Return the pieces in the order of falling prices; add to `ranks`, by pool, which of them are its bins."""
    openings: list[tuple[float, int, float, float]] = []  # (−price, pool, b, d or, where b is 0, the bin's capacity)
    for number, curve in curves.items():
        if isinstance(curve, Hyperbola):
            openings.append((-curve.price, number, curve.b, curve.d))
        else:
            openings += [
                (-price, number, 0.0, size) for price, size in zip(curve.prices, curve.capacities, strict=True)
            ]
    openings.sort()
    pieces: list[Piece] = []
    amount = out = b = shift = 0.0
    open_pools = 0
    for negative, number, pool_b, size in openings:
        reach = b / sqrt(-negative)
        if b and reach - shift > amount:
            piece = _hyperbolic(amount, out, b, shift, open_pools)
            pieces.append(piece)
            out += piece.ratio * (reach - shift - amount) / reach
            amount = reach - shift
        if pool_b:
            b, shift, open_pools = b + pool_b, shift + size, open_pools + 1
        else:
            ranks[number].append(len(pieces))
            pieces.append(Piece(amount, out, -negative, open_pools=open_pools, pool=number))
            amount, out, shift = amount + size, out - negative * size, shift - size
    pieces.append(_hyperbolic(amount, out, b, shift, open_pools) if b else Piece(amount, out, LAST_PRICE))
    return pieces


def _hyperbolic(amount: float, out: float, b: float, shift: float, open_pools: int) -> Piece:
    reach = amount + shift
    return Piece(amount, out, (b / reach) ** 2, b, shift, b * b / reach, open_pools)
