"""Meteora's constant-product pools: DAMM v2, compounding, with its fee taken from the output."""

from typing import Self

from orderflow.domain.pools.constant_product import ConstantProduct, Swap, divide_up

FEE_UNIT = 1_000_000_000


class DammV2(ConstantProduct, frozen=True, kw_only=True, tag="meteora_damm_v2"):
    """Meteora DAMM v2 in "both" mode: a fee of `fee_rate`/10⁹ on the output, which stays in the pool."""

    fee_rate: int = 2_500_000

    @property
    def kept(self) -> float:
        """The share of a small swap that the fee leaves."""
        return 1 - self.fee_rate / FEE_UNIT

    def swap(self, token_in: str, amount_in: int) -> tuple[Swap, Self]:
        """Sell `amount_in` atoms: gross = ⌊S·a/(R+a)⌋, fee = ⌈gross·rate/10⁹⌉, out = gross − fee.

        Raises ZeroOutputError when the output would be zero.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        gross = reserve_out * amount_in // (reserve_in + amount_in)
        fee = divide_up(gross * self.fee_rate, FEE_UNIT)
        out = gross - fee
        self.check_output(amount_in, out)
        after = self.after(token_in, reserve_in=reserve_in + amount_in, reserve_out=reserve_out - out)
        return Swap(amount_in, out, fee, self.other(token_in)), after

    def amount_in_for(self, token_in: str, amount_out: int) -> int:
        """Return the input for `amount_out`: gross = ⌈b·10⁹/(10⁹−rate)⌉, in = ⌈R·gross/(S−gross)⌉.

        Raises InsufficientLiquidityError when the pool does not hold more than the gross output.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        gross = divide_up(amount_out * FEE_UNIT, FEE_UNIT - self.fee_rate)
        self.check_liquidity(gross, reserve_out)
        return divide_up(reserve_in * gross, reserve_out - gross)
