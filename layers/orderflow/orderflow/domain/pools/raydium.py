"""Raydium's constant-product pools: AMM v4 and CPMM, bit for bit as their programs compute."""

from typing import ClassVar

from orderflow.domain.pools.constant_product import ConstantProduct, divide_up
from orderflow.domain.pools.pool import Swap

AMM_V4_FEE = 25
AMM_V4_FEE_UNIT = 10_000
CPMM_UNIT = 1_000_000
CPMM_PROTOCOL_SHARE = 120_000
CPMM_FUND_SHARE = 40_000


class AmmV4(ConstantProduct, frozen=True, kw_only=True, tag="raydium_amm_v4"):
    """Raydium AMM v4: a fee of 25/10,000 on the input, all of which stays in the pool."""

    swap_instruction: ClassVar[str] = "swap_base_in"
    slippage_error: ClassVar[str | None] = "Raydium AMM v4 error 30, 0x1e"

    @property
    def kept(self) -> float:
        """The share of a small swap that the fee leaves."""
        return 1 - AMM_V4_FEE / AMM_V4_FEE_UNIT

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Sell `amount_in` atoms: fee = ⌈a·25/10⁴⌉, x = a − fee, out = ⌊S·x/(R+x)⌋.

        Raises ZeroOutputError when the output would be zero.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        fee = divide_up(amount_in * AMM_V4_FEE, AMM_V4_FEE_UNIT)
        net = amount_in - fee
        out = reserve_out * net // (reserve_in + net)
        self.check_output(amount_in, out)
        return Swap(amount_in, out, fee, token_in)

    def amount_in_for(self, token_in: str, amount_out: int) -> int:
        """Return the input for `amount_out`: pre = ⌈R·b/(S−b)⌉, in = ⌈pre·10⁴/9975⌉.

        Raises InsufficientLiquidityError when the pool does not hold more than `amount_out`.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        self.check_liquidity(amount_out, reserve_out)
        net = divide_up(reserve_in * amount_out, reserve_out - amount_out)
        return divide_up(net * AMM_V4_FEE_UNIT, AMM_V4_FEE_UNIT - AMM_V4_FEE)


class Cpmm(ConstantProduct, frozen=True, kw_only=True, tag="raydium_cpmm"):
    """Raydium CPMM: a trade fee of `fee_rate`/10⁶ on the input, part of which leaves the pricing reserves."""

    swap_instruction: ClassVar[str] = "swap_base_input"
    slippage_error: ClassVar[str | None] = "Raydium CPMM error 6005, 0x1775"

    fee_rate: int = 2_500

    @property
    def kept(self) -> float:
        """The share of a small swap that the fee leaves."""
        return 1 - self.fee_rate / CPMM_UNIT

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Sell `amount_in` atoms: fee = ⌈a·rate/10⁶⌉, x = a − fee, out = ⌊S·x/(R+x)⌋.

        Raises ZeroOutputError when the output would be zero.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        fee = divide_up(amount_in * self.fee_rate, CPMM_UNIT)
        net = amount_in - fee
        out = reserve_out * net // (reserve_in + net)
        self.check_output(amount_in, out)
        return Swap(amount_in, out, fee, token_in)

    def withheld_of(self, fee: int) -> int:
        """Return the atoms of a fee that leave the reserves: ⌊fee·0.12⌋ (protocol) and ⌊fee·0.04⌋ (fund)."""
        return fee * CPMM_PROTOCOL_SHARE // CPMM_UNIT + fee * CPMM_FUND_SHARE // CPMM_UNIT

    def amount_in_for(self, token_in: str, amount_out: int) -> int:
        """Return the input for `amount_out`: x = ⌈R·b/(S−b)⌉, in = ⌈x·10⁶/(10⁶−rate)⌉.

        Raises InsufficientLiquidityError when the pool does not hold more than `amount_out`.
        """
        reserve_in, reserve_out = self.reserves(token_in)
        self.check_liquidity(amount_out, reserve_out)
        net = divide_up(reserve_in * amount_out, reserve_out - amount_out)
        return divide_up(net * CPMM_UNIT, CPMM_UNIT - self.fee_rate)
