"""Converts between the decimal amounts of the edge and the integer atoms inside."""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal

from orderflow.domain.tokens import Token

MAX_ATOMS = 2**64 - 1
"""A token account on Solana holds an unsigned 64-bit number of atoms."""

PRICE_CONTEXT = Context(prec=12, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


def to_atoms(amount: Decimal, token: Token) -> int:
    """Return `amount` units of `token` in atoms, exactly.

    Raises ValueError, worded for the person who sent the amount, when it is not a positive finite number, has
    more decimals than the token, or does not fit in 64 bits.
    """
    if not amount.is_finite():
        raise ValueError("must be a finite number")
    if amount <= 0:
        raise ValueError("must be greater than zero")
    # The exponent is checked before scaling, so that 1e999999 costs nothing.
    if amount.adjusted() + token.decimals > 20:
        raise ValueError(f"must be at most {to_units(MAX_ATOMS, token):f} {token.symbol}")
    atoms = amount.scaleb(token.decimals, _EXACT)
    if atoms != atoms.to_integral_value():
        raise ValueError(f"must have at most {token.decimals} decimals for {token.symbol}")
    if atoms > MAX_ATOMS:
        raise ValueError(f"must be at most {to_units(MAX_ATOMS, token):f} {token.symbol}")
    return int(atoms)


def to_units(atoms: int, token: Token) -> Decimal:
    """Return `atoms` of `token` in units, exactly."""
    return Decimal(atoms).scaleb(-token.decimals, _EXACT)


def price(amount_in: int, token_in: Token, amount_out: int, token_out: Token) -> Decimal:
    """Return units of `token_out` received per unit of `token_in`, to 12 significant digits, half to even.

    Both amounts are in atoms; `amount_in` is positive.
    """
    return PRICE_CONTEXT.divide(to_units(amount_out, token_out), to_units(amount_in, token_in))
