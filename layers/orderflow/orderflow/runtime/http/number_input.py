"""Reads the numbers that clients send: JSON or text in, exact decimals, atoms and whole numbers out.

What a number and a text say is decision 0046. Every reader raises ValueError with the rule that a value breaks.
"""

import re
from collections.abc import Callable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_CEILING, Context, Decimal, InvalidOperation
from typing import Any, NamedTuple

from pydantic import ValidationInfo

from orderflow.domain.amounts import in_steps, to_atoms
from orderflow.domain.slippage import to_bps
from orderflow.domain.tokens import Token

MAX_TEXT_LENGTH = 100
TEXT_IS_A_NUMBER = "text_is_a_number"
"""The key of the validation context that is true for a query, where every number is text."""
MAX_PRICE_DIGITS = 18
LEAST_PRICE, MOST_PRICE = Decimal("1e-18"), Decimal("1e18")

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_MILLISECONDS = 3
"""The decimals of a second that count."""


class Number(NamedTuple):
    """A number as a client sent it, every digit of it.

    A decimal string is `exact`: it says all that its sender means, and what can't be taken as it is, is refused. A
    JSON number is a double at most clients (7.123456789012345), whose last digits nobody chose: an amount or a
    slippage that is finer than its unit is rounded, to the side that gives its sender no more than was asked for.
    """

    value: Decimal
    exact: bool


def read_number(value: object, info: ValidationInfo) -> Number:
    """Return a number that `exact_json_number` has read, or a decimal string."""
    if isinstance(value, str):
        text = value.strip(" ")
        if len(text) > MAX_TEXT_LENGTH or not _DECIMAL.fullmatch(text):
            raise ValueError("must be a decimal number")
        return Number(Decimal(text), exact=not is_query(info))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number or a decimal string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    return Number(Decimal(value), exact=False)


def is_query(info: ValidationInfo) -> bool:
    """Return whether all values are text, since they stood in a query."""
    return bool((info.context or {}).get(TEXT_IS_A_NUMBER))


def exact_json_number(text: str) -> Decimal | str:
    """Return a JSON number; one whose exponent not even a Decimal can hold stays text, for its field to refuse."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def read_amount(value: object, info: ValidationInfo, token: Token | None) -> int:
    """Return an amount of a token in atoms, a number rounded down; 0 when the token is not known."""
    number = read_number(value, info)
    if token is not None:
        return to_atoms(number.value, token, exact=number.exact)
    return _of_no_token(number)


def read_least_amount(value: object, info: ValidationInfo, token: Token | None) -> int:
    """Return the least that is wanted of a token in atoms, a number rounded up; 0 when the token is not known."""
    number = read_number(value, info)
    return _of_no_token(number) if token is None else least_atoms(number, token)


def least_atoms(number: Number, token: Token) -> int:
    """Return so many units of a token, the least that is wanted, in atoms, a number rounded up."""
    return to_atoms(number.value, token, exact=number.exact, rounding=ROUND_CEILING)


def read_slippage(value: object, info: ValidationInfo) -> int:
    """Return an allowance, a fraction of the quote, in basis points; a number is rounded down."""
    number = read_number(value, info)
    return to_bps(number.value, exact=number.exact)


def read_price(value: object, info: ValidationInfo) -> Decimal:
    """Return a price, without the zeros at its end, so that one price is written in one way only."""
    price = read_number(value, info).value
    if price <= 0:
        raise ValueError("must be greater than zero")
    if not LEAST_PRICE <= price <= MOST_PRICE:
        raise ValueError(f"must be from {LEAST_PRICE:f} to {MOST_PRICE:f}")
    price = price.normalize(_EXACT)
    if len(price.as_tuple().digits) > MAX_PRICE_DIGITS:
        raise ValueError(f"must have at most {MAX_PRICE_DIGITS} significant digits")
    return price.quantize(Decimal(1)) if price == price.to_integral_value() else price  # 250 rather than 2.5E+2


def whole_number(least: int, most: int) -> Callable[[Any, ValidationInfo], int]:
    """Return a reader of whole numbers in a range."""

    def read_whole_number(value: object, info: ValidationInfo) -> int:
        number = read_number(value, info).value
        if not least <= number <= most or number != number.to_integral_value():
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(number)

    return read_whole_number


def read_seconds(value: object, info: ValidationInfo, most_s: int) -> int:
    """Return a time in milliseconds, above 0 and at most `most_s` seconds; a number is rounded down."""
    number = read_number(value, info)
    if number.value <= 0:
        raise ValueError("must be greater than zero")
    if number.value > most_s:
        raise ValueError(f"must be at most {most_s}")
    milliseconds = in_steps(number.value, _MILLISECONDS, exact=number.exact)
    if milliseconds == 0:
        raise ValueError("must be at least 0.001")
    return milliseconds


def _of_no_token(number: Number) -> int:
    if number.value <= 0:
        raise ValueError("must be greater than zero")
    return 0  # the order is refused
