"""What a client asks for, read into atoms; the answers to what it gets wrong are in the functional tests."""

import json
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS, to_units
from orderflow.domain.order import OrderRequest
from orderflow.domain.tokens import TOKENS, Token
from orderflow.runtime.http.order_input import read_json_order, read_order
from orderflow.runtime.http.order_models import MODELS
from orderflow.runtime.http.problems import ProblemError

FIELDS = {"token_in": "SOL", "token_out": "USDC", "amount": "12.5", "order_type": "market"}

directions = st.sampled_from(list(permutations(TOKENS.values(), 2)))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def read_or_problem(body: bytes) -> OrderRequest | ProblemError:
    try:
        return read_json_order(body).request(0)
    except ProblemError as problem:
        return problem


def test_an_order_is_read_with_its_defaults() -> None:
    assert read_order(FIELDS).request(0) == OrderRequest("SOL", "USDC", 12_500_000_000, "market", 500)


def test_tokens_may_go_by_their_mints_and_in_any_case() -> None:
    by_mint = FIELDS | {"token_in": TOKENS["SOL"].mint, "token_out": TOKENS["USDC"].mint}

    assert read_order(by_mint).request(0) == read_order(FIELDS).request(0)
    assert read_order(FIELDS | {"token_in": "sol", "token_out": "Usdc"}).request(0) == read_order(FIELDS).request(0)


@pytest.mark.parametrize(
    ("written", "atoms"),
    [
        ("0.1", 100_000_000),
        ("12.123456789", 12_123_456_789),
        ("1e-9", 1),
        ("1E2", 100_000_000_000),
        ("7", 7_000_000_000),
        ("0.3", 300_000_000),
        ("18446744073.709551615", MAX_ATOMS),
    ],
)
def test_an_amount_is_exact_as_a_number_and_as_a_string(written: str, atoms: int) -> None:
    start = b'{"token_in":"SOL","token_out":"USDC","order_type":"market","amount":'

    as_number = read_json_order(start + written.encode() + b"}").request(0)
    as_string = read_json_order(start + b'"' + written.encode() + b'"}').request(0)

    assert as_number.amount_in == as_string.amount_in == atoms


@given(directions, st.integers(1, MAX_ATOMS), st.integers(100, 5_000), st.booleans())
def test_whatever_is_written_is_read_to_the_atom(
    direction: tuple[Token, Token], atoms: int, slippage_bps: int, quoted: bool
) -> None:
    token_in, token_out = direction
    amount = f"{to_units(atoms, token_in):f}"
    slippage = str(Decimal(slippage_bps).scaleb(-4))
    if quoted:
        amount, slippage = f'"{amount}"', f'"{slippage}"'
    body = (
        f'{{"token_in":"{token_in.symbol}","token_out":"{token_out.symbol}","amount":{amount},'
        f'"order_type":"market","max_slippage":{slippage}}}'
    )

    request = read_json_order(body.encode()).request(0)

    assert request == OrderRequest(token_in.symbol, token_out.symbol, atoms, "market", slippage_bps)


order_types = st.sampled_from([*MODELS, "iceberg"])
fields_of_any_type = st.sampled_from(sorted({name for model in MODELS.values() for name in model.model_fields} | {"x"}))


@given(st.dictionaries(fields_of_any_type, json_values), order_types | json_values, st.booleans())
def test_any_json_object_is_an_order_or_a_problem_that_names_its_fields(
    fields: dict[str, Any], order_type: Any, valid_otherwise: bool
) -> None:
    rest = FIELDS if valid_otherwise else {}
    body = json.dumps({**rest, "order_type": order_type, **fields}).encode()

    found = read_or_problem(body)

    if isinstance(found, ProblemError):
        assert found.status == 400
        assert found.errors or "not JSON" in found.detail  # NaN and Infinity, which Python writes
    else:
        assert found.order_type in MODELS
        assert found.token_in != found.token_out
        assert 0 < found.amount_in <= MAX_ATOMS


@given(st.binary(max_size=200))
def test_any_bytes_are_an_order_or_a_problem(body: bytes) -> None:
    with pytest.raises(ProblemError) as problem:
        read_json_order(body)

    assert problem.value.status == 400


def test_every_field_at_fault_is_named_at_once() -> None:
    with pytest.raises(ProblemError) as problem:
        read_order({"token_in": "DOGE", "amount": "-1", "order_type": "iceberg", "max_slippage": "0.9", "price": "1"})

    assert [error.field for error in problem.value.errors] == [
        "token_in",
        "token_out",
        "amount",
        "order_type",
        "max_slippage",
        "price",
    ]
