"""Meteora DLMM a second time, straight from docs/market.md: slow, over fractions, one bin id after the other.

It shares no line with the code under test. Where docs/market.md writes ⌊⌋ or ⌈⌉ there is a floor or a ceil of an exact
fraction here, and nothing is rounded elsewhere.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor


class OutOfLiquidity(Exception):  # noqa: N818 - named as the venue names it
    """The bins are used up before the amount is."""


class TooMuch(Exception):  # noqa: N818
    """A reserve would be more than 64 bits hold."""


def price_of(bin_step: int, bin_id: int) -> int:
    """Return the bin's price in Q64.64: the base inverted, raised by squaring over 19 bits, and inverted back."""
    if bin_id == 0:
        return 2**64
    base = 2**64 + floor(Fraction(bin_step * 2**64, 10**4))
    square = floor(Fraction(2**128 - 1, base))
    result = 2**64
    for bit in reversed(f"{abs(bin_id):019b}"):
        if bit == "1":
            result = floor(Fraction(result * square, 2**64))
        square = floor(Fraction(square * square, 2**64))
    # The base is at least 1, so it was inverted: the sign rule flips, and positive ids are inverted back.
    return result if bin_id < 0 else floor(Fraction(2**128 - 1, result))


@dataclass
class ReferencePool:
    """A pool's parameters, bins and volatility, changed in place by each swap."""

    bin_step: int
    base_factor: int
    power: int
    control: int
    max_va: int
    filter_period: int
    decay_period: int
    reduction: int
    share: int
    active_id: int
    x: dict[int, int]
    y: dict[int, int]
    va: int
    vol_ref: int
    index_ref: int
    last: int
    fees: dict[str, int] = field(default_factory=lambda: {"x": 0, "y": 0})
    protocol: dict[str, int] = field(default_factory=lambda: {"x": 0, "y": 0})

    def rate(self) -> int:
        """Return the fee rate over 10⁹ at the present volatility."""
        base = self.base_factor * self.bin_step * 10 * 10**self.power
        variable = 0 if self.control == 0 else ceil(Fraction(self.control * (self.va * self.bin_step) ** 2, 10**11))
        return int(min(base + variable, 10**8))

    def swap(self, sold: str, amount: int, now: int) -> tuple[int, int]:
        """Sell `amount` atoms of "x" or "y"; return (atoms paid out, fee)."""
        self._update_references(now)
        into, out_of = (self.x, self.y) if sold == "x" else (self.y, self.x)
        before = self.active_id
        left, paid, fees = amount, 0, 0
        while left > 0:
            if not any(self._ahead(sold, bin_id) for bin_id, held in out_of.items() if held):
                raise OutOfLiquidity
            held = out_of.get(self.active_id, 0)
            if held == 0:
                self.active_id += -1 if sold == "x" else 1
                continue
            distance = abs(self.index_ref - self.active_id)
            self.va = min(self.vol_ref + distance * 10**4, self.max_va)
            p = Fraction(price_of(self.bin_step, self.active_id), 2**64)
            price = p if sold == "x" else 1 / p
            r = Fraction(self.rate(), 10**9)
            fee = ceil(left * r)
            net = left - fee
            capacity = ceil(held / price)
            if net < capacity:
                out, left = floor(net * price), 0
                emptied = False
            else:
                fee = ceil(capacity * r / (1 - r))
                net, out = capacity, held
                left -= net + fee
                emptied = True
            into[self.active_id] = into.get(self.active_id, 0) + net
            out_of[self.active_id] -= out
            paid += out
            fees += fee
            self.protocol[sold] += floor(Fraction(fee * self.share, 10**4))
            if emptied and left > 0:
                self.active_id += -1 if sold == "x" else 1
        if sum(into.values()) > 2**64 - 1:
            raise TooMuch
        if self.active_id != before:
            self.last = now
        self.fees[sold] += fees
        return paid, fees

    def _ahead(self, sold: str, bin_id: int) -> bool:
        return bin_id <= self.active_id if sold == "x" else bin_id >= self.active_id

    def _update_references(self, now: int) -> None:
        elapsed = now - self.last
        if elapsed >= self.filter_period:
            self.index_ref = self.active_id
            decayed = floor(Fraction(self.va * self.reduction, 10**4))
            self.vol_ref = decayed if elapsed < self.decay_period else 0
