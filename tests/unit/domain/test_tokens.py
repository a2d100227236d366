"""The tokens and how they are named."""

import pytest

from orderflow.domain.tokens import TOKENS, find_token


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("SOL", "SOL"),
        ("sol", "SOL"),
        ("msol", "mSOL"),
        ("JITOSOL", "JitoSOL"),
        ("So11111111111111111111111111111111111111112", "SOL"),
        ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "USDC"),
    ],
)
def test_a_token_goes_by_its_symbol_in_any_case_or_by_its_mint(name: str, symbol: str) -> None:
    token = find_token(name)

    assert token is not None
    assert token.symbol == symbol


@pytest.mark.parametrize(
    "name", ["", "DOGE", " SOL", "so11111111111111111111111111111111111111112", "SOL\0", "ſol", "wıf", "ﬁ"]
)
def test_what_is_no_token_is_not_found(name: str) -> None:
    assert find_token(name) is None


def test_no_two_tokens_share_a_name() -> None:
    assert len({token.symbol.upper() for token in TOKENS.values()}) == len(TOKENS) == 12
    assert len({token.mint for token in TOKENS.values()}) == 12
