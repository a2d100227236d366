"""The bench's view of the mock market: what orders of a size in dollars come to."""

from decimal import Decimal

import pytest

from orderflow.domain.amounts import to_atoms
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.harness.bench.mock_market import amount_worth
from tests.harness.bench.orders import SIZES_USD


@pytest.mark.parametrize("token", TOKENS.values(), ids=lambda token: token.symbol)
def test_amounts_are_valid_and_worth_what_they_should_be(token: Token) -> None:
    for size_usd in SIZES_USD:
        amount = amount_worth(size_usd, token)

        assert to_atoms(amount, token) > 0
        assert abs(amount * OPENING_PRICES[token.symbol] - size_usd) < Decimal("0.05")
