"""Numbers as clients write them; the answers to what they get wrong are in the functional tests."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PlainValidator, TypeAdapter, ValidationError

from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.number_input import (
    MAX_PRICE_DIGITS,
    TEXT_IS_A_NUMBER,
    read_price,
    read_seconds,
    whole_number,
)

significands = st.integers(1, 10**MAX_PRICE_DIGITS - 1)


def read(reader: Callable[..., Any], written: str, *, in_query: bool = False) -> Any:
    """Return what a reader makes of JSON text, or of text in a query."""
    value = written if in_query else read_json_object(b'{"value":%b}' % written.encode())["value"]
    return TypeAdapter(Annotated[Any, PlainValidator(reader)]).validate_python(
        value, context={TEXT_IS_A_NUMBER: in_query}
    )


def rule_broken_by(reader: Callable[..., Any], written: str) -> str:
    with pytest.raises(ValidationError) as refused:
        read(reader, written)
    [error] = refused.value.errors()
    return str(error["ctx"]["error"])


@given(significands, st.integers(-18, 0), st.booleans())
def test_a_price_is_read_with_every_digit_it_has(significand: int, exponent: int, quoted: bool) -> None:
    price = Decimal(significand).scaleb(exponent)
    written = json.dumps(f"{price:f}") if quoted else str(price)

    assert read(read_price, written) == price
    assert read(read_price, f"{price:f}", in_query=True) == price


@pytest.mark.parametrize("written", ["250", "250.0", '"250.000000000000000000000"', "2.5e2", '"+250"', '"0.25E3"'])
def test_one_price_is_kept_in_one_form_however_it_is_written(written: str) -> None:
    assert str(read(read_price, written)) == "250"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("0", "must be greater than zero"),
        ("-1", "must be greater than zero"),
        ('"-1e999999999"', "must be greater than zero"),
        ("1.234567890123456789", "must have at most 18 significant digits"),
        ('"1000000000.0000000001"', "must have at most 18 significant digits"),
        ('"1e-19"', "must be from 0.000000000000000001 to 1000000000000000000"),
        ("1e999999999", "must be from 0.000000000000000001 to 1000000000000000000"),
        ("9" * 5_000, "must be from 0.000000000000000001 to 1000000000000000000"),
        ("true", "must be a number or a decimal string"),
        ("null", "must be a number or a decimal string"),
        ('"NaN"', "must be a decimal number"),
        ('"1,5"', "must be a decimal number"),
    ],
)
def test_what_is_no_price_is_refused_with_the_rule(written: str, rule: str) -> None:
    assert rule_broken_by(read_price, written) == rule


@pytest.mark.parametrize(
    "written", ["1e-18", "1e18", "123456789012345678", "0.123456789012345678", "1.23456789012345678"]
)
def test_a_price_may_have_18_digits_from_the_least_to_the_most(written: str) -> None:
    assert read(read_price, written) == Decimal(written)


@pytest.mark.parametrize(("written", "number"), [("50", 50), ('"9000"', 9_000), ("1e2", 100), ("100.0", 100)])
def test_a_whole_number_may_be_written_as_any_number_is(written: str, number: int) -> None:
    assert read(whole_number(50, 9_000), written) == number


@pytest.mark.parametrize("written", ["49", "9001", "50.5", '"99.9999"', "-100", "1e400", "0", '"1e-400"'])
def test_a_fraction_and_what_is_out_of_range_is_no_whole_number(written: str) -> None:
    assert rule_broken_by(whole_number(50, 9_000), written) == "must be a whole number from 50 to 9000"


@pytest.mark.parametrize(("written", "milliseconds"), [("86400", 86_400_000), ("0.0019", 1), ('"1.5"', 1_500)])
def test_seconds_are_counted_in_whole_milliseconds(written: str, milliseconds: int) -> None:
    assert read(lambda value, info: read_seconds(value, info, 100_000), written) == milliseconds


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("0", "must be greater than zero"),
        ("-5", "must be greater than zero"),
        ("0.0009", "must be at least 0.001"),
        ('"0.0009"', "must have at most 3 decimals"),
        ("100000.001", "must be at most 100000"),
        ("1e400", "must be at most 100000"),
        ('"PT1H"', "must be a decimal number"),
    ],
)
def test_what_is_no_time_in_seconds_is_refused_with_the_rule(written: str, rule: str) -> None:
    assert rule_broken_by(lambda value, info: read_seconds(value, info, 100_000), written) == rule
