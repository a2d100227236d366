"""Converts between the decimal amounts of the edge and the integer atoms inside."""

from collections.abc import Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import ceil

from orderflow.domain.tokens import Token

MAX_ATOMS = 2**64 - 1
"""A token account on Solana holds an unsigned 64-bit number of atoms."""

LEAST_WORTH_USD = Decimal(1)
"""What an order that rests is worth at least, and what a part of it leaves."""

PRICE_CONTEXT = Context(prec=12, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


def to_atoms(amount: Decimal, token: Token, *, exact: bool = True, rounding: str = ROUND_DOWN) -> int:
    """Return `amount` units of `token` in atoms: exactly or, when not `exact`, rounded, which is down by default.

    Raises ValueError, in words for the client, when the amount is not a positive finite number, has more decimals than
    the token and must be `exact`, is less than one atom, or does not fit in 64 bits.
    """
    if not amount.is_finite():
        raise ValueError("must be a finite number")
    if amount <= 0:
        raise ValueError("must be greater than zero")
    # The exponent is checked before scaling, so that 1e999999 costs nothing.
    if amount.adjusted() + token.decimals > 20:
        raise ValueError(f"must be at most {to_units(MAX_ATOMS, token):f} {token.symbol}")
    atoms = in_steps(amount, token.decimals, exact=exact, of=f" for {token.symbol}", rounding=rounding)
    if atoms == 0:
        raise ValueError(f"must be at least {to_units(1, token):f} {token.symbol}")
    if atoms > MAX_ATOMS:
        raise ValueError(f"must be at most {to_units(MAX_ATOMS, token):f} {token.symbol}")
    return atoms


def in_steps(value: Decimal, decimals: int, *, exact: bool, of: str = "", rounding: str = ROUND_DOWN) -> int:
    """Return `value` in whole steps of 10^-`decimals`, rounded down unless `rounding` says otherwise.

    Raises ValueError when `value` must be `exact` and has more decimals; `of` says in the error which value it is.
    """
    steps = value.scaleb(decimals, _EXACT)
    whole = steps.to_integral_value(rounding)
    if exact and whole != steps:
        raise ValueError(f"must have at most {decimals} decimals{of}")
    return int(whole)


def to_units(atoms: int, token: Token) -> Decimal:
    """Return `atoms` of `token` in units, exactly."""
    return Decimal(atoms).scaleb(-token.decimals, _EXACT)


def least_worth(token: Token, prices_usd: Mapping[str, Decimal], usd: Decimal = LEAST_WORTH_USD) -> int:
    """Return the fewest atoms of a token that are worth so many US dollars; 1 of one without a price.

    `prices_usd` has prices by symbol in US dollars per unit.
    """
    price_usd = prices_usd.get(token.symbol)
    return ceil(Fraction(usd) / Fraction(price_usd) * 10**token.decimals) if price_usd else 1


def price(amount_in: int, token_in: Token, amount_out: int, token_out: Token) -> Decimal:
    """Return units of `token_out` received per unit of `token_in`, to 12 significant digits, half to even.

    Both amounts are in atoms; `amount_in` is positive.
    """
    return PRICE_CONTEXT.divide(to_units(amount_out, token_out), to_units(amount_in, token_in))
