"""What all constant-product pools have in common: two reserves, and the checks around a swap."""

from decimal import ROUND_HALF_EVEN, Decimal
from math import inf
from typing import ClassVar, Self

import msgspec

from orderflow.domain.pools.curves import PoolCurve, hyperbola
from orderflow.domain.pools.pool import Swap
from orderflow.errors import InsufficientLiquidityError, ZeroOutputError


class ConstantProduct(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A pool of two tokens whose product of reserves never falls. Reserves are in atoms.

    `withheld_a` and `withheld_b` are fees in the pool's vaults that no longer take part in pricing, so a vault holds
    reserve + withheld. `version` counts the pool's swaps. Time makes no difference to what is paid.
    """

    swap_instruction: ClassVar[str]
    slippage_error: ClassVar[str | None] = None

    pool: str
    venue: str
    token_a: str
    token_b: str
    reserve_a: int
    reserve_b: int
    withheld_a: int = 0
    withheld_b: int = 0
    version: int = 0

    @property
    def kept(self) -> float:
        """The share of a small swap that the fee leaves."""
        raise NotImplementedError

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Return what comes of selling `amount_in` atoms of `token_in`."""
        raise NotImplementedError

    def withheld_of(self, fee: int) -> int:
        """Return the atoms of a fee that leave the reserves."""
        return 0

    def swap(self, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, Self]:
        """Sell `amount_in` atoms of `token_in`; return the result and the pool after it. Raises as `quote` does."""
        result = self.quote(token_in, amount_in, now_s)
        reserve_in, reserve_out = self.reserves(token_in)
        withheld = self.withheld_of(result.fee)
        after = self.after(
            token_in,
            reserve_in=reserve_in + amount_in - withheld,
            reserve_out=reserve_out - result.amount_out,
            withheld=withheld,
        )
        return result, after

    def amount_in_for(self, token_in: str, amount_out: int) -> int:
        """Return the fewest atoms of `token_in` that the venue asks for `amount_out` atoms, rounded up."""
        raise NotImplementedError

    def swap_exact_out(self, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Self]:
        """Buy exactly `amount_out` atoms for the fewest atoms of `token_in`.

        Where `swap` would pay a little more for that input, the surplus stays in the reserve.
        """
        given, after = self.swap(token_in, self.amount_in_for(token_in, amount_out), now_s)
        bought = Swap(given.amount_in, amount_out, given.fee, given.fee_token)
        surplus = given.amount_out - amount_out
        if token_in == self.token_a:
            return bought, msgspec.structs.replace(after, reserve_b=after.reserve_b + surplus)
        return bought, msgspec.structs.replace(after, reserve_a=after.reserve_a + surplus)

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        """Return the curve along which the pool takes `token_in`; the fee is taken from the input."""
        return hyperbola(*self.reserves(token_in), kept_of_input=self.kept)

    def first_price(self, token_in: str, now_s: int) -> float:
        """Return what the first atom of `token_in` earns, fee paid, in atoms of the other token."""
        reserve_in, reserve_out = self.reserves(token_in)
        return self.kept * reserve_out / reserve_in

    def fee_falls_at(self, now_s: int) -> float:
        """Return infinity: the fee is always the same."""
        return inf

    def check_state(self) -> None:
        """Raise InsufficientLiquidityError when the pool has nothing of a token."""
        if self.reserve_a <= 0 or self.reserve_b <= 0:
            raise InsufficientLiquidityError(f"{self.venue} pool {self.pool} is empty")

    def most_held(self, token_in: str, swap: Swap) -> int:
        """Return the atoms in the fuller vault after a swap, withheld fees included, or what it is paid from before."""
        if token_in == self.token_a:
            vault_in, reserve_out, withheld_out = self.reserve_a + self.withheld_a, self.reserve_b, self.withheld_b
        else:
            vault_in, reserve_out, withheld_out = self.reserve_b + self.withheld_b, self.reserve_a, self.withheld_a
        return max(vault_in + swap.amount_in, reserve_out + withheld_out - swap.amount_out, reserve_out)

    def reserves(self, token_in: str) -> tuple[int, int]:
        """Return (reserve of `token_in`, reserve of the other token)."""
        if token_in == self.token_a:
            return self.reserve_a, self.reserve_b
        return self.reserve_b, self.reserve_a

    def other(self, token: str) -> str:
        """Return the token that `token` is traded against here."""
        return self.token_b if token == self.token_a else self.token_a

    def after(self, token_in: str, *, reserve_in: int, reserve_out: int, withheld: int = 0) -> Self:
        """Return the pool with new reserves, `withheld` more atoms of `token_in` set aside, and the next version."""
        if token_in == self.token_a:
            return msgspec.structs.replace(
                self,
                reserve_a=reserve_in,
                reserve_b=reserve_out,
                withheld_a=self.withheld_a + withheld,
                version=self.version + 1,
            )
        return msgspec.structs.replace(
            self,
            reserve_a=reserve_out,
            reserve_b=reserve_in,
            withheld_b=self.withheld_b + withheld,
            version=self.version + 1,
        )

    def spot_price(self, token_in: str) -> Decimal:
        """Return what the next atom of `token_in` is worth, without fees, in atoms of the other token."""
        reserve_in, reserve_out = self.reserves(token_in)
        return Decimal(reserve_out) / Decimal(reserve_in)

    def price_impact(self, token_in: str, swap: Swap) -> Decimal:
        """Return 1 − (out/in, without fees)/spot as a fraction with six decimals, half to even."""
        reserve_in, reserve_out = self.reserves(token_in)
        fee_on_input = swap.fee_token == token_in
        net_in = swap.amount_in - swap.fee if fee_on_input else swap.amount_in
        gross_out = swap.amount_out if fee_on_input else swap.amount_out + swap.fee
        if net_in == 0:
            return Decimal(0)
        kept = Decimal(gross_out * reserve_in) / Decimal(net_in * reserve_out)
        return (1 - kept).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)

    def check_output(self, amount_in: int, amount_out: int) -> None:
        """Raise ZeroOutputError when a swap of `amount_in` would yield nothing."""
        if amount_out <= 0:
            raise ZeroOutputError(f"{amount_in} atoms are too few: {self.venue} would pay out nothing")

    def check_liquidity(self, amount_out: int, reserve_out: int) -> None:
        """Raise InsufficientLiquidityError unless the pool holds more than `amount_out`."""
        if amount_out >= reserve_out:
            raise InsufficientLiquidityError(
                f"{self.venue} pool {self.pool} holds {reserve_out} atoms, {amount_out} were asked for"
            )


def divide_up(numerator: int, denominator: int) -> int:
    """Return ⌈numerator / denominator⌉ for integers, denominator positive."""
    return -(-numerator // denominator)
