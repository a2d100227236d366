"""A pool as the router sees it: what it pays for an input as a concave curve without rounding. Pools in, curves out.

Amounts are atoms as floats; prices are atoms out per atom in, fees included. No swap of integers pays more than its
curve does, since venues round against the trader.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import inf, sqrt

from orderflow.domain.pools import Pool
from orderflow.domain.pools.constant_product import ConstantProduct
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.dlmm_math import FEE_UNIT as DLMM_FEE_UNIT
from orderflow.domain.pools.meteora import DammV2
from orderflow.domain.pools.raydium import AmmV4, Cpmm


class Hyperbola:
    """A constant-product pool: out(x) = b²·x / (d·(d + x)), whose marginal price is (b / (d + x))².

    With reserves R and S and the shares of input and output that fees leave, g_i and g_o: b = √(g_o·S·R/g_i) and
    d = R/g_i, so that it opens at the price g_o·g_i·S/R.
    """

    __slots__ = ("b", "capacity", "d", "price", "until")

    def __init__(self, b: float, d: float) -> None:
        self.b = b
        self.d = d
        self.price = (b / d) ** 2
        self.capacity = inf
        self.until = inf

    def out(self, amount: float) -> float:
        """Return the output for an input."""
        return self.b * self.b * amount / (self.d * (self.d + amount))

    def surplus(self, price: float) -> float:
        """Return the most of out(x) − price·x over all inputs x: d·(√opening price − √price)²."""
        return self.d * (sqrt(self.price) - sqrt(price)) ** 2 if price < self.price else 0.0


class Steps:
    """Bins of constant price: each takes up to its capacity of input at its price, the best price first.

    `until` is the second from which on the steps are others, because a fee that falls with time has fallen.
    """

    __slots__ = ("_falling", "capacities", "capacity", "inputs", "outputs", "prices", "until")

    def __init__(self, steps: Iterable[tuple[float, float]], until: float = inf) -> None:
        """Take (price, capacity) in any order; steps out of order would only ever be passed at worse prices."""
        ordered = sorted(((price, size) for price, size in steps if price > 0 and size > 0), reverse=True)
        self.prices = tuple(price for price, _ in ordered)
        self.capacities = tuple(size for _, size in ordered)
        self.inputs = tuple(accumulate(self.capacities, initial=0.0))
        self.outputs = tuple(accumulate((price * size for price, size in ordered), initial=0.0))
        self.capacity = self.inputs[-1]
        self.until = until
        self._falling = tuple(-price for price in self.prices)

    def out(self, amount: float) -> float:
        """Return the output for an input; what is beyond the last step earns nothing."""
        number = bisect_right(self.inputs, amount) - 1
        if number >= len(self.prices):
            return self.outputs[-1]
        return self.outputs[number] + self.prices[number] * (amount - self.inputs[number])

    def input_above(self, price: float) -> float:
        """Return the input that the steps take which pay more than `price`."""
        return self.inputs[bisect_right(self._falling, -price)]

    def surplus(self, price: float) -> float:
        """Return the most of out(x) − price·x over all inputs x: all steps that pay more than the price."""
        number = bisect_right(self._falling, -price)
        return self.outputs[number] - price * self.inputs[number]


PoolCurve = Hyperbola | Steps

EMPTY = Steps(())


def curve_of(pool: Pool, token_in: str, now_s: int) -> PoolCurve:
    """Return the curve along which `pool` takes `token_in` at the second `now_s`.

    Whatever else the router does, it does with curves: a new type of pools needs a case here and nothing more.
    """
    match pool:
        case AmmV4() | Cpmm():
            return _hyperbola(pool, token_in, kept_of_input=pool.kept)
        case DammV2():
            return _hyperbola(pool, token_in, kept_of_output=pool.kept)
        case Dlmm():
            return _steps(pool, token_in, now_s)


def _hyperbola(
    pool: ConstantProduct, token_in: str, *, kept_of_input: float = 1.0, kept_of_output: float = 1.0
) -> PoolCurve:
    reserve_in, reserve_out = pool.reserves(token_in)
    if min(reserve_in, reserve_out, kept_of_input, kept_of_output) <= 0:
        return EMPTY
    return Hyperbola(sqrt(kept_of_output * reserve_out * reserve_in / kept_of_input), reserve_in / kept_of_input)


def _steps(pool: Dlmm, token_in: str, now_s: int) -> PoolCurve:
    steps: list[tuple[float, float]] = []
    for _, numerator, denominator, rate, held in pool.stocked_bins(token_in, now_s):
        kept = 1 - rate / DLMM_FEE_UNIT
        steps.append((kept * (numerator / denominator), held * denominator / numerator / kept))
    rest_ends = (pool.last_s + pool.filter_period_s, pool.last_s + pool.decay_period_s)
    return Steps(steps, until=min((end for end in rest_ends if end > now_s), default=inf))
