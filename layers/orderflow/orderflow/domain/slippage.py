"""How much worse than quoted an execution may be, and how a failure says so."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

BPS = 10_000
MIN_SLIPPAGE_BPS = 100
MAX_SLIPPAGE_BPS = 5_000
DEFAULT_SLIPPAGE_BPS = 500


def minimum_out(expected_out: int, slippage_bps: int) -> int:
    """Return the fewest atoms that an execution may yield: out − ⌊out·bps/10⁴⌋."""
    return expected_out - expected_out * slippage_bps // BPS


# What the programs call it when an execution would yield too little; a route over several goes through an aggregator.
_ERRORS = {
    "raydium_amm_v4": "Raydium AMM v4 error 30, 0x1e",
    "raydium_cpmm": "Raydium CPMM error 6005, 0x1775",
    "meteora_dlmm": "Meteora DLMM error 6003, 0x1773",
}
_AGGREGATOR_ERROR = "Jupiter error 6001, 0x1771"


def slippage_reason(expected_out: int, actual_out: int, slippage_bps: int, pools: Sequence[str]) -> str:
    """Say how far the price moved against the trader and what was allowed, in per cent, and the program's error.

    The move is rounded up, so that a failure just beyond the limit never reads as if it were within it. `pools` are
    the addresses that the execution went through.
    """
    moved = Decimal((expected_out - actual_out) * 100) / Decimal(expected_out)
    allowed = Decimal(slippage_bps) / 100
    program = pools[0].partition(":")[0] if len(pools) == 1 else ""
    return (
        f"Price moved {moved.quantize(Decimal('0.01'), ROUND_CEILING)}% (max allowed: {allowed:.2f}%)"
        f"; {_ERRORS.get(program, _AGGREGATOR_ERROR)}"
    )
