"""What an order waits for: prices as its client wrote them, the least that it may receive, and when it is executed."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Literal

import msgspec

from orderflow.domain.amounts import PRICE_CONTEXT, to_units
from orderflow.domain.tokens import Token

Rule = Literal["take_profit", "stop_loss", "trailing_stop"]


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """`value` units of `token_out` per unit of `token_in`; when `inverted`, of `token_in` per unit of `token_out`."""

    value: Decimal
    inverted: bool = False

    @property
    def exact(self) -> Fraction:
        """Units of `token_out` per unit of `token_in`."""
        value = Fraction(self.value)
        return 1 / value if self.inverted else value

    def as_written(self, exact: Fraction | float) -> Fraction:
        """Return a price in units of `token_out` per unit of `token_in` in the form in which this one is written."""
        return 1 / Fraction(exact) if self.inverted else Fraction(exact)


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """The least that an order may receive: a price for each atom, or atoms for the whole of its amount."""

    price: Price | None = None
    min_amount_out: int | None = None

    def least(self, amount_in: int, token_in: Token, token_out: Token) -> Fraction:
        """Return the atoms of `token_out` for each atom of `token_in`, of an order over `amount_in` atoms."""
        if self.price is None:
            return Fraction(self.min_amount_out or 0, amount_in)
        return self.price.exact * Fraction(10) ** (token_out.decimals - token_in.decimals)


class Trigger(msgspec.Struct, frozen=True, omit_defaults=True):
    """When an order is executed, by the pair's reference price, and how: at `limit`, or as `slippage_bps` allow.

    A `take_profit` is reached from below, a `stop_loss` from above, both at `price`; a `trailing_stop` at `trail_bps`
    below the highest reference since the order is open, or since `activation_price` was reached. Each when that holds
    for so many `slots` in a row.

    Of exits the price may be `entry_bps` above what the order before them paid (take_profit) or below it (stop_loss);
    it is known, and stands as their `price`, once that is confirmed.
    """

    rule: Rule
    slippage_bps: int
    price: Price | None = None
    trail_bps: int | None = None
    activation_price: Price | None = None
    slots: int = 1
    limit: Limit | None = None
    entry_bps: int | None = None


class Schedule(msgspec.Struct, frozen=True):
    """An order that is executed in `slices`, one every `interval_ms` of the market's time."""

    slices: int
    interval_ms: int


def shown_price(exact: Fraction | float) -> str:
    """Return a price as a person reads it: to 12 significant digits, without trailing zeros."""
    value = Fraction(exact)
    return f"{PRICE_CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize():f}"


def minimum_of(least: Fraction, amount_in: int) -> int:
    """Return the fewest atoms that `amount_in` atoms may yield at `least` atoms for each: rounded up, for the user."""
    return ceil(least * amount_in)


def shown_amount(atoms: int, token: Token) -> str:
    """Return an amount with its token, as a reason says it: 2736.981102 USDC, 2737.5 USDC."""
    return f"{to_units(atoms, token).normalize():f} {token.symbol}"
