"""All pools of a directed pair as one concave curve: the pools' curves in, one piecewise curve out.

As the price falls, every pool takes input while it pays more than the price. Between two prices at which a pool or a
bin begins to take, the sum of constant-product pools is a hyperbola again: with b = Σb_i and
shift = Σd_i − (what bins have taken), x + shift = b/√price. A bin is a straight piece.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from heapq import merge
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

    Pools are known by the number under which their curves were given. `price` is what the first atom earns, and `until`
    the second from which on the curve is no longer right. Its pieces are made as far as they are asked for: most orders
    end on one of the first, of up to a hundred.
    """

    __slots__ = (
        "_coming",
        "_falling",
        "_hyperbolas",
        "_made_out",
        "_made_to",
        "_outs",
        "_pieces",
        "_starts",
        "_steps",
        "_without",
        "curves",
        "price",
        "until",
    )

    def __init__(self, curves: Mapping[int, PoolCurve]) -> None:
        self.curves = dict(curves)
        ranks: dict[int, list[int]] = {number: [] for number in self.curves}
        self._coming = _sweep(self.curves, ranks)
        self._pieces: list[Piece] = []
        self._starts: list[float] = []
        self._outs: list[float] = []
        self._falling: list[float] = []
        # All inputs below the one, and all outputs below the other, lie on pieces that are made.
        self._made_to = self._made_out = 0.0
        self._make_next()
        hyperbolas = [(number, curve) for number, curve in self.curves.items() if isinstance(curve, Hyperbola)]
        hyperbolas.sort(key=lambda item: (-item[1].price, item[0]))
        self._hyperbolas = [(number, curve.b, curve.d) for number, curve in hyperbolas]
        # For every pool of bins: the numbers of its pieces, and its total input once the first n of its bins are full.
        self._steps = [
            (number, ranks[number], curve.inputs) for number, curve in self.curves.items() if isinstance(curve, Steps)
        ]
        self._without: dict[int, PairCurve] = {}
        self.price = self._pieces[0].price
        self.until = min((curve.until for curve in self.curves.values()), default=inf)

    @property
    def capacity(self) -> float:
        """What all pools can take."""
        if self._hyperbolas:
            return inf
        while self._make_next():
            pass
        return self._starts[-1]

    def at(self, amount: float) -> tuple[float, float, float]:
        """Return the output for an input, the marginal price there, and how fast that falls: −(log price)'."""
        while amount >= self._made_to and self._make_next():
            pass
        start, out, price, b, shift, ratio, _, _ = self._pieces[bisect_right(self._starts, amount) - 1]
        if b:
            reach = amount + shift
            root = b / reach
            return out + ratio * (amount - start) / reach, root * root, 2 / reach
        return out + price * (amount - start), price, 0.0

    def input_for(self, output: float) -> float:
        """Return the least input that pays `output`; infinity where none does."""
        while output >= self._made_out and self._make_next():
            pass
        start, out, price, b, shift, ratio, _, _ = self._pieces[bisect_right(self._outs, output) - 1]
        wanted = output - out
        if wanted <= 0:
            return start
        if b:
            return start + wanted * (start + shift) / (ratio - wanted) if wanted < ratio else inf
        return start + wanted / price

    def room(self, amount: float) -> float:
        """Return how much more input there is up to the end of the piece; infinity on the last."""
        while amount >= self._made_to and self._make_next():
            pass
        number = bisect_right(self._starts, amount)
        return self._starts[number] - amount if number < len(self._starts) else inf

    def room_back(self, amount: float) -> float:
        """Return how much of the input lies within its piece."""
        while amount >= self._made_to and self._make_next():
            pass
        return amount - self._starts[bisect_right(self._starts, amount) - 1]

    def best_input(self, price: float) -> float:
        """Return the input x at which out(x) − price·x is greatest: all that pays more than `price`, above 0."""
        while self._falling[-1] < -price and self._make_next():
            pass
        number = bisect_left(self._falling, -price) - 1
        if number < 0:
            return 0.0
        piece = self._pieces[number]
        if number + 1 == len(self._pieces):
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
        while amount >= self._made_to and self._make_next():
            pass
        number = bisect_right(self._starts, amount) - 1
        start, _, price, b, shift, _, open_pools, bin_of = self._pieces[number]
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

    def _make_next(self) -> bool:
        """Make the next piece; return False when there is none, and every amount lies on one that is made."""
        piece = next(self._coming, None)
        if piece is None:
            self._made_to = self._made_out = inf
            return False
        self._pieces.append(piece)
        self._starts.append(piece.start)
        self._outs.append(piece.out)
        self._falling.append(-piece.price)
        self._made_to, self._made_out = piece.start, piece.out
        return True


def _sweep(curves: Mapping[int, PoolCurve], ranks: dict[int, list[int]]) -> Iterator[Piece]:
    """Yield the pieces in the order of falling prices; add to `ranks`, by pool, which of them are its bins."""
    amount = out = b = shift = 0.0
    open_pools = made = 0
    for negative, number, pool_b, size in merge(*(_openings(number, curve) for number, curve in curves.items())):
        reach = b / sqrt(-negative)
        if b and reach - shift > amount:
            piece = _hyperbolic(amount, out, b, shift, open_pools)
            made += 1
            yield piece
            out += piece.ratio * (reach - shift - amount) / reach
            amount = reach - shift
        if pool_b:
            b, shift, open_pools = b + pool_b, shift + size, open_pools + 1
        else:
            ranks[number].append(made)
            made += 1
            yield Piece(amount, out, -negative, open_pools=open_pools, pool=number)
            amount, out, shift = amount + size, out - negative * size, shift - size
    yield _hyperbolic(amount, out, b, shift, open_pools) if b else Piece(amount, out, LAST_PRICE)


def _openings(number: int, curve: PoolCurve) -> Iterator[tuple[float, int, float, float]]:
    """Yield where a pool or a bin begins to take: −price, pool, b, and d or, where b is 0, the bin's capacity."""
    if isinstance(curve, Hyperbola):
        yield -curve.price, number, curve.b, curve.d
    else:
        for price, size in zip(curve.prices, curve.capacities, strict=True):
            yield -price, number, 0.0, size


def _hyperbolic(amount: float, out: float, b: float, shift: float, open_pools: int) -> Piece:
    reach = amount + shift
    return Piece(amount, out, (b / reach) ** 2, b, shift, b * b / reach, open_pools)
