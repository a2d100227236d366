"""How much worse than quoted an execution may be, and how a failure says so."""

from decimal import ROUND_CEILING, Decimal

from orderflow.domain.amounts import in_steps

BPS = 10_000
_DECIMALS = 4
MIN_SLIPPAGE_BPS = 100
MAX_SLIPPAGE_BPS = 5_000
DEFAULT_SLIPPAGE_BPS = 500
LEAST_SLIPPAGE, MOST_SLIPPAGE = Decimal(MIN_SLIPPAGE_BPS) / BPS, Decimal(MAX_SLIPPAGE_BPS) / BPS


def to_bps(slippage: Decimal, *, exact: bool = True) -> int:
    """Return an allowance, a fraction of the quote, in basis points: exactly or, when not `exact`, rounded down.

    Rounding allows less than was asked for, never more. Raises ValueError, in words for the client, when the fraction
    is out of range before rounding, or has more than four decimals and must be `exact`.
    """
    if not LEAST_SLIPPAGE <= slippage <= MOST_SLIPPAGE:
        raise ValueError(f"must be from {LEAST_SLIPPAGE} to {MOST_SLIPPAGE}")
    return in_steps(slippage, _DECIMALS, exact=exact)


def minimum_out(expected_out: int, slippage_bps: int) -> int:
    """Return the fewest atoms that an execution may yield: out − ⌊out·bps/10⁴⌋."""
    return expected_out - expected_out * slippage_bps // BPS


def slippage_reason(expected_out: int, actual_out: int, slippage_bps: int, error: str) -> str:
    """Say how far the price moved against the trader and what was allowed, in per cent, and the program's `error`.

    The move is rounded up, so that a failure just beyond the limit never looks as if it were within it.
    """
    moved = Decimal((expected_out - actual_out) * 100) / Decimal(expected_out)
    allowed = Decimal(slippage_bps) / 100
    return f"Price moved {moved.quantize(Decimal('0.01'), ROUND_CEILING)}% (max allowed: {allowed:.2f}%); {error}"
