"""Meteora DLMM: a pool of bins of constant price with a base and a volatility fee, bit for bit as its program."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from math import inf
from typing import ClassVar, Self

import msgspec

from orderflow.domain.pools.curves import PoolCurve, Steps
from orderflow.domain.pools.dlmm_math import (
    BPS,
    FEE_UNIT,
    ONE,
    BinTrade,
    StockedBin,
    base_fee_rate,
    bin_price,
    fee_rate,
    trade_exact_in,
    trade_exact_out,
)
from orderflow.domain.pools.pool import Swap
from orderflow.errors import InsufficientLiquidityError, ZeroOutputError

ZERO_OUTPUT = "error 6039, 0x1797"
INSUFFICIENT_LIQUIDITY = "error 6012, 0x177c"


class Dlmm(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="meteora_dlmm", dict=True):
    """A Meteora DLMM pool. Token a is the program's X, token b its Y; a bin's price is in Y per X. Amounts are atoms.

    `bins_x` and `bins_y` hold the bins in parallel: the bin `lowest_id + i` has bins_x[i] and bins_y[i]. Fees never
    enter the bins: they are added to `withheld_a` and `withheld_b`, so a vault holds reserve + withheld; `protocol_a`
    and `protocol_b` say how much of these is the protocol's. `version` counts the changes of the pool.

    The fee rate grows with `va`, the volatility accumulator: `vol_ref` plus 10⁴ for every bin between `index_ref` and
    the bin that trades, and `max_va` at most. The references are updated only when the active bin has not changed for
    `filter_period_s` since `last_s`; after `decay_period_s` the volatility starts at 0 again.
    """

    swap_instruction: ClassVar[str] = "swap"
    slippage_error: ClassVar[str | None] = "Meteora DLMM error 6003, 0x1773"

    pool: str
    venue: str
    token_a: str
    token_b: str
    bin_step: int
    active_id: int
    lowest_id: int
    bins_x: tuple[int, ...]
    bins_y: tuple[int, ...]
    base_factor: int
    power: int = 0
    control: int
    max_va: int
    filter_period_s: int
    decay_period_s: int
    reduction_factor: int
    protocol_share: int
    va: int = 0
    vol_ref: int = 0
    index_ref: int = 0
    last_s: int = 0
    withheld_a: int = 0
    withheld_b: int = 0
    protocol_a: int = 0
    protocol_b: int = 0
    version: int = 0

    @cached_property
    def reserve_a(self) -> int:
        """The atoms of token a in all bins together."""
        return sum(self.bins_x)

    @cached_property
    def reserve_b(self) -> int:
        """The atoms of token b in all bins together."""
        return sum(self.bins_y)

    def reserves(self, token_in: str) -> tuple[int, int]:
        """Return (atoms of `token_in`, atoms of the other token) in all bins together."""
        if token_in == self.token_a:
            return self.reserve_a, self.reserve_b
        return self.reserve_b, self.reserve_a

    def other(self, token: str) -> str:
        """Return the token that `token` is traded against here."""
        return self.token_b if token == self.token_a else self.token_a

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Return what comes of selling `amount_in` atoms of `token_in` at the second `now_s`.

        Raises ZeroOutputError when the output would be zero, and InsufficientLiquidityError when the bins can't take
        the amount.
        """
        trades = self._trades(token_in, amount_in, now_s)
        return self._result(token_in, trades, sum([paid for _, _, _, paid in trades]))

    def swap(self, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, Self]:
        """Sell `amount_in` atoms of `token_in` at the second `now_s`; return the result and the pool after it.

        The active bin changes only while there is input left: after a swap that just empties a bin, that bin is still
        the active one. Raises as `quote` does.
        """
        trades = self._trades(token_in, amount_in, now_s)
        result = self._result(token_in, trades, sum([paid for _, _, _, paid in trades]))
        return result, self._after(token_in, trades, result.amount_out, now_s)

    def _trades(self, token_in: str, amount_in: int, now_s: int) -> list[BinTrade]:
        trades, left = trade_exact_in(self.stocked_bins(token_in, now_s), amount_in)
        if left:
            raise InsufficientLiquidityError(
                f"{self.venue} pool {self.pool} runs out of {self.other(token_in)} with {left} of {amount_in} atoms "
                f"still to sell ({INSUFFICIENT_LIQUIDITY})"
            )
        return trades

    def swap_exact_out(self, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Self]:
        """Buy exactly `amount_out` atoms for the fewest atoms of `token_in` that `swap` would give as many for.

        Where `swap` would pay a few atoms more for that input, these leave the last bin too, so that the bins are as
        after `swap`; the trader does not get them, and they are withheld. Raises InsufficientLiquidityError when the
        bins in that direction hold less than `amount_out`.
        """
        trades, wanted = trade_exact_out(self.stocked_bins(token_in, now_s), amount_out)
        if wanted:
            raise InsufficientLiquidityError(
                f"{self.venue} pool {self.pool} holds {amount_out - wanted} atoms of {self.other(token_in)}, "
                f"{amount_out} were asked for ({INSUFFICIENT_LIQUIDITY})"
            )
        result = self._result(token_in, trades, amount_out)
        return result, self._after(token_in, trades, amount_out, now_s)

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        """Return the steps along which the pool takes `token_in`, until its fee falls next."""
        steps: list[tuple[float, float]] = []
        for _, numerator, denominator, rate, held in self.stocked_bins(token_in, now_s):
            kept = 1 - rate / FEE_UNIT
            steps.append((kept * (numerator / denominator), held * denominator / numerator / kept))
        return Steps(steps, until=self.fee_falls_at(now_s))

    def first_price(self, token_in: str, now_s: int) -> float:
        """Return what the first atom of `token_in` earns, fee paid, in atoms of the other; 0 where no bin has any."""
        for _, numerator, denominator, rate, _ in self.stocked_bins(token_in, now_s):
            return (1 - rate / FEE_UNIT) * (numerator / denominator)
        return 0.0

    def fee_falls_at(self, now_s: int) -> float:
        """Return the second after `now_s` at which the fee next falls though nobody trades; infinity where it rests."""
        rest_ends = (self.last_s + self.filter_period_s, self.last_s + self.decay_period_s)
        return min((end for end in rest_ends if end > now_s), default=inf)

    def check_state(self) -> None:
        """Raise ValueError unless every bin has both its sides."""
        if len(self.bins_x) != len(self.bins_y):
            raise ValueError(f"{self.pool} has {len(self.bins_x)} bins of x, but {len(self.bins_y)} of y")

    def most_held(self, token_in: str, swap: Swap) -> int:
        """Return the more of what all bins hold of the token sold after a swap, and of the other before it."""
        held_in, held_out = self.reserves(token_in)
        return max(held_in + swap.amount_in - swap.fee, held_out)

    def spot_price(self, token_in: str) -> Decimal:
        """Return what the next atom of `token_in` is worth, without fees, in atoms of the other token.

        The pool must hold some of the other token.
        """
        numerator, denominator = self._spot(token_in)
        return Decimal(numerator) / Decimal(denominator)

    def price_impact(self, token_in: str, swap: Swap) -> Decimal:
        """Return 1 − (out/(in − fee))/spot as a fraction with six decimals, half to even.

        `spot` is the price of the first bin that `swap`, made on this state of the pool, traded with.
        """
        net_in = swap.amount_in - swap.fee
        if net_in == 0:
            return Decimal(0)
        numerator, denominator = self._spot(token_in)
        kept = Decimal(swap.amount_out * denominator) / Decimal(net_in * numerator)
        return (1 - kept).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)

    def stocked_bins(self, token_in: str, now_s: int) -> Iterator[StockedBin]:
        """Yield the bins that pay for `token_in`, from the active one on, each with its fee rate.

        It is the rate in a swap at the second `now_s` that comes as far as the bin.
        """
        sells_x = token_in == self.token_a
        index_ref, vol_ref = self._references(now_s)
        bin_step, max_va, control, lowest_id = self.bin_step, self.max_va, self.control, self.lowest_id
        base_rate = base_fee_rate(bin_step, self.base_factor, self.power)
        stock, indexes = self._stock(token_in)
        for index in indexes:
            held = stock[index]
            if not held:
                continue
            bin_id = lowest_id + index
            va = vol_ref + abs(index_ref - bin_id) * BPS
            rate = fee_rate(base_rate, control, bin_step, va if va < max_va else max_va)
            price = bin_price(bin_step, bin_id)
            yield (bin_id, price, ONE, rate, held) if sells_x else (bin_id, ONE, price, rate, held)

    def _stock(self, token_in: str) -> tuple[tuple[int, ...], range]:
        """Return what each bin holds of the other token, and the places of the bins that may pay, the first first."""
        active = self.active_id - self.lowest_id
        if token_in == self.token_a:
            return self.bins_y, range(min(active, len(self.bins_y) - 1), -1, -1)
        return self.bins_x, range(max(active, 0), len(self.bins_x))

    def _spot(self, token_in: str) -> tuple[int, int]:
        """Return the price of the first bin that pays for `token_in` as (numerator, denominator)."""
        stock, places = self._stock(token_in)
        first = next(place for place in places if stock[place])
        price = bin_price(self.bin_step, self.lowest_id + first)
        return (price, ONE) if token_in == self.token_a else (ONE, price)

    def _references(self, now_s: int) -> tuple[int, int]:
        elapsed = now_s - self.last_s
        if elapsed < self.filter_period_s:
            return self.index_ref, self.vol_ref
        if elapsed < self.decay_period_s:
            return self.active_id, self.va * self.reduction_factor // BPS
        return self.active_id, 0

    def _result(self, token_in: str, trades: list[BinTrade], amount_out: int) -> Swap:
        """Return a swap by its trades; the trader gets `amount_out`."""
        net, fees = sum([net for _, net, _, _ in trades]), sum([fee for _, _, fee, _ in trades])
        if amount_out == 0:
            raise ZeroOutputError(f"{net + fees} atoms are too few: {self.venue} would pay out nothing ({ZERO_OUTPUT})")
        return Swap(net + fees, amount_out, fees, token_in)

    def _after(self, token_in: str, trades: list[BinTrade], amount_out: int, now_s: int) -> Self:
        """Return the pool after trades; the trader gets `amount_out`, and the surplus is withheld."""
        sells_x = token_in == self.token_a
        incoming, outgoing = list(self.bins_x), list(self.bins_y)
        if not sells_x:
            incoming, outgoing = outgoing, incoming
        taken_out = fees = protocol = 0
        for bin_id, net, fee, paid in trades:
            incoming[bin_id - self.lowest_id] += net
            outgoing[bin_id - self.lowest_id] -= paid
            taken_out += paid
            fees += fee
            protocol += fee * self.protocol_share // BPS
        active_id = trades[-1][0]
        index_ref, vol_ref = self._references(now_s)
        surplus = taken_out - amount_out
        return msgspec.structs.replace(
            self,
            active_id=active_id,
            bins_x=tuple(incoming if sells_x else outgoing),
            bins_y=tuple(outgoing if sells_x else incoming),
            va=min(vol_ref + abs(index_ref - active_id) * BPS, self.max_va),
            vol_ref=vol_ref,
            index_ref=index_ref,
            last_s=self.last_s if active_id == self.active_id else now_s,
            withheld_a=self.withheld_a + (fees if sells_x else surplus),
            withheld_b=self.withheld_b + (surplus if sells_x else fees),
            protocol_a=self.protocol_a + (protocol if sells_x else 0),
            protocol_b=self.protocol_b + (0 if sells_x else protocol),
            version=self.version + 1,
        )
