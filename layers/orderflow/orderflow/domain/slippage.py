"""How much worse than quoted an execution may be, and how a failure says so."""

from decimal import ROUND_CEILING, Decimal

BPS = 10_000
MIN_SLIPPAGE_BPS = 100
MAX_SLIPPAGE_BPS = 5_000
DEFAULT_SLIPPAGE_BPS = 500


def minimum_out(expected_out: int, slippage_bps: int) -> int:
    """Return the fewest atoms that an execution may yield: out − ⌊out·bps/10⁴⌋."""
    return expected_out - expected_out * slippage_bps // BPS


def slippage_reason(expected_out: int, actual_out: int, slippage_bps: int) -> str:
    """Say how far the price moved against the trader and what was allowed, in per cent.

    The move is rounded up, so that a failure just beyond the limit never reads as if it were within it.
    """
    moved = Decimal((expected_out - actual_out) * 100) / Decimal(expected_out)
    allowed = Decimal(slippage_bps) / 100
    return f"Price moved {moved.quantize(Decimal('0.01'), ROUND_CEILING)}% (max allowed: {allowed:.2f}%)"
