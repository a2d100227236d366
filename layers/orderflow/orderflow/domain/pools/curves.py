"""What a pool pays for an input, as a concave curve without rounding: all that the router's search needs of a pool.

Amounts are atoms as floats; prices are atoms out per atom in, fees included. No swap of integers pays more than its
curve does, since venues round against the trader. A type of pools describes itself by one of the two curves here.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import inf, sqrt


class Hyperbola:
    """A constant-product pool: out(x) = b²·x / (d·(d + x)), whose marginal price is (b / (d + x))².

    With reserves R and S, and with g_i and g_o as the shares of input and output that fees leave, b = √(g_o·S·R/g_i)
    and d = R/g_i. The first atom earns `price`, which is g_o·g_i·S/R.
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

    def price_at(self, amount: float) -> float:
        """Return what the next atom earns behind an input."""
        root = self.b / (self.d + amount)
        return root * root

    def input_above(self, price: float) -> float:
        """Return the input of which every atom earns more than `price`; 0 or less where no atom does."""
        return self.b / sqrt(price) - self.d

    def surplus(self, price: float) -> float:
        """Return the most of out(x) − p·x over all inputs x, with p as `price`: d·(√first price − √p)²."""
        return self.d * (sqrt(self.price) - sqrt(price)) ** 2 if price < self.price else 0.0


class Steps:
    """Bins of constant price: each takes up to its capacity of input at its price, the best price first.

    The first atom earns `price`. `until` is the second from which on the steps are no longer right, because a fee that
    falls with time has fallen.
    """

    __slots__ = ("_falling", "capacities", "capacity", "inputs", "outputs", "price", "prices", "until")

    def __init__(self, steps: Iterable[tuple[float, float]], until: float = inf) -> None:
        """Take (price, capacity) of each step in any order: the best price first is the most that any order can pay."""
        ordered = sorted(((price, size) for price, size in steps if price > 0 and size > 0), reverse=True)
        self.prices = tuple(price for price, _ in ordered)
        self.price = self.prices[0] if ordered else 0.0
        self.capacities = tuple(size for _, size in ordered)
        self.inputs = tuple(accumulate(self.capacities, initial=0.0))
        self.outputs = tuple(accumulate((price * size for price, size in ordered), initial=0.0))
        self.capacity = self.inputs[-1]
        self.until = until
        self._falling = tuple(-price for price in self.prices)

    def out(self, amount: float) -> float:
        """Return the output for an input; input beyond the last step earns nothing."""
        number = bisect_right(self.inputs, amount) - 1
        if number >= len(self.prices):
            return self.outputs[-1]
        return self.outputs[number] + self.prices[number] * (amount - self.inputs[number])

    def price_at(self, amount: float) -> float:
        """Return what the next atom earns behind an input; 0 behind the last step."""
        number = bisect_right(self.inputs, amount) - 1
        return self.prices[number] if number < len(self.prices) else 0.0

    def input_above(self, price: float) -> float:
        """Return the input of which every atom earns more than `price`: the capacity of the steps that pay more."""
        return self.inputs[bisect_right(self._falling, -price)]

    def surplus(self, price: float) -> float:
        """Return the most of out(x) − price·x over all inputs x: that of all steps which pay more than `price`."""
        number = bisect_right(self._falling, -price)
        return self.outputs[number] - price * self.inputs[number]


PoolCurve = Hyperbola | Steps

EMPTY = Steps(())


def hyperbola(
    reserve_in: int, reserve_out: int, *, kept_of_input: float = 1.0, kept_of_output: float = 1.0
) -> PoolCurve:
    """Return the curve of a constant-product pool whose fee leaves these shares of the input and the output."""
    if min(reserve_in, reserve_out, kept_of_input, kept_of_output) <= 0:
        return EMPTY
    return Hyperbola(sqrt(kept_of_output * reserve_out * reserve_in / kept_of_input), reserve_in / kept_of_input)
