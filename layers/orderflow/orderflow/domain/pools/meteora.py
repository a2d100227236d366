"""Meteora's constant-product pools: DAMM v2, compounding, with its fee taken from the output."""

from typing import ClassVar, Self

from orderflow.domain.pools.constant_product import ConstantProduct, divide_up
from orderflow.domain.pools.curves import PoolCurve, hyperbola
from orderflow.domain.pools.pool import Swap

FEE_UNIT = 1_000_000_000


class DammV2(ConstantProduct, frozen=True, kw_only=True, tag="meteora_damm_v2"):
    """Meteora DAMM v2 in "both" mode: a fee of `fee_rate`/10⁹ on the output, which stays in the pool."""

    swap_instruction: ClassVar[str] = "swap"

    fee_rate: int = 2_500_000

    @property
    def kept(self) -> float:
        """The share of a small swap that the fee leaves."""
        return 1 - self.fee_rate / FEE_UNIT

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Sell `amount_in` atoms: gross = ⌊S·a/(R+a)⌋, fee = ⌈gross·rate/10⁹⌉, out = gross − fee.

        Raises ZeroOutputError when the output would be zero.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        gross = reserve_out * amount_in // (reserve_in + amount_in)
        fee = divide_up(gross * self.fee_rate, FEE_UNIT)
        out = gross - fee
        self.check_output(amount_in, out)
        return Swap(amount_in, out, fee, self.other(token_in))

    def amount_in_for(self, token_in: str, amount_out: int) -> int:
        """Return the input for `amount_out`: gross = ⌈b·10⁹/(10⁹−rate)⌉, in = ⌈R·gross/(S−gross)⌉.

        Raises InsufficientLiquidityError when the pool does not hold more than the gross output.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        gross = divide_up(amount_out * FEE_UNIT, FEE_UNIT - self.fee_rate)
        self.check_liquidity(gross, reserve_out)
        return divide_up(reserve_in * gross, reserve_out - gross)

    def swap_exact_out(self, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Self]:
        """Buy exactly `amount_out` atoms; the fee is what the gross output has more than these: ⌈b·rate/(10⁹−rate)⌉."""
        bought, after = super().swap_exact_out(token_in, amount_out, now_s)
        fee = divide_up(amount_out * self.fee_rate, FEE_UNIT - self.fee_rate)
        return Swap(bought.amount_in, amount_out, fee, bought.fee_token), after

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        """Return the curve along which the pool takes `token_in`; the fee is taken from the output."""
        return hyperbola(*self.reserves(token_in), kept_of_output=self.kept)
