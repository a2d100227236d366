"""Reads the numbers that clients send: JSON or text in, an exact decimal out that knows how exact it was.

What a number and a text say is decision 0046.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, NamedTuple

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

MAX_TEXT_LENGTH = 100
TEXT_IS_A_NUMBER = "text_is_a_number"
"""The key of the validation context that is true for a query, where every number is text."""

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)


class Number(NamedTuple):
    """A number as a client sent it, every digit of it.

    A decimal string is `exact`: it says all that its sender means, and what can't be taken as it is, is refused. A
    JSON number is a double at most clients (7.123456789012345), whose last digits nobody chose: a price, an amount or
    a slippage that is finer than its unit is rounded, to the side that gives its sender no more than was asked for.
    """

    value: Decimal
    exact: bool


def read_number(value: object, info: ValidationInfo) -> Number:
    """Return a number that `exact_json_number` has read, or a decimal string. Raises ValueError with the rule."""
    if isinstance(value, str):
        text = value.strip(" ")
        if len(text) > MAX_TEXT_LENGTH or not _DECIMAL.fullmatch(text):
            raise ValueError("must be a decimal number")
        return Number(Decimal(text), exact=not (info.context or {}).get(TEXT_IS_A_NUMBER))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number or a decimal string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    return Number(Decimal(value), exact=False)


def exact_json_number(text: str) -> Decimal | str:
    """Return a JSON number; one whose exponent not even a Decimal can hold stays text, for its field to refuse."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


_FORMS = [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]
_read = PlainValidator(read_number)
# The model's own validator is given a Number, and returns how many of the smallest steps it is.
NumberField = Annotated[int, _read, WithJsonSchema({"anyOf": _FORMS})]
OptionalNumberField = Annotated[int, _read, WithJsonSchema({"anyOf": [*_FORMS, {"type": "null"}]})]
