"""How far a price or an amount is from where it has to come: both in, basis points out."""

from decimal import ROUND_CEILING, Decimal, localcontext
from fractions import Fraction

from orderflow.domain.slippage import BPS

_STEP = Decimal("0.01")
_DIGITS = 60
"""More than the distance between any two prices, or two amounts of 64 bits, has."""


def distance_bps(at: Fraction | int, now: Fraction | int, *, rises: bool = True) -> Decimal:
    """Return how far `now` has to rise (or to fall, unless it `rises`) to come to `at`, in basis points of `at`.

    It is above zero until `at`, which is positive, is reached, and zero or below from then on: it is rounded up, to two
    decimals.
    """
    missing = (Fraction(at) - now if rises else now - Fraction(at)) * BPS / Fraction(at)
    with localcontext() as context:
        context.prec, context.rounding = _DIGITS, ROUND_CEILING
        return (Decimal(missing.numerator) / missing.denominator).quantize(_STEP)
