"""Base58 as Solana writes it: known addresses, and bytes that come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain import base58
from orderflow.domain.tokens import TOKENS


@given(st.binary(max_size=40))
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@pytest.mark.parametrize("mint", [token.mint for token in TOKENS.values()])
def test_a_mint_is_32_bytes(mint: str) -> None:
    decoded = base58.decode(mint)

    assert decoded is not None
    assert len(decoded) == 32
    assert base58.encode(decoded) == mint


@pytest.mark.parametrize(("data", "text"), [(b"", ""), (b"\0\0a", "112g"), (b"Hello World!", "2NEpo7TZRRrLZSi2U")])
def test_known_bytes_are_written_as_others_write_them(data: bytes, text: str) -> None:
    assert base58.encode(data) == text
    assert base58.decode(text) == data


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "a b", "é", "1" * 101])
def test_what_is_no_base58_stands_for_nothing(text: str) -> None:
    assert base58.decode(text) is None
