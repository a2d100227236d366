"""The bench's view of the mock market: what orders of a size in dollars come to."""

from decimal import Decimal

import pytest

from orderflow.domain.amounts import to_atoms
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.latency import QUOTE_DEADLINE_MS
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.harness.bench.mix import SMALL_USD
from tests.harness.bench.mock_market import amount_worth, simulated_ms
from tests.support.order_steps import a_request


@pytest.mark.parametrize("token", TOKENS.values(), ids=lambda token: token.symbol)
def test_amounts_are_valid_and_worth_what_they_should_be(token: Token) -> None:
    for size_usd in SMALL_USD:
        amount = amount_worth(size_usd, token)

        assert to_atoms(amount, token) > 0
        assert abs(amount * OPENING_PRICES[token.symbol] - Decimal(size_usd)) < Decimal("0.05")


def test_an_order_waits_for_four_timers_that_the_speed_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEED", "DROP_RATE", "NETWORK_FAILURE_RATE"):
        monkeypatch.delenv(name, raising=False)

    quotes_ms, build_ms, landing_ms, confirmation_ms = simulated_ms(a_request(), 7, 1)
    fourfold = simulated_ms(a_request(), 7, 4)

    assert 0 < quotes_ms <= QUOTE_DEADLINE_MS
    assert 100 < build_ms < 1_000
    assert landing_ms % SLOT_MS == 0
    assert landing_ms > 0
    assert confirmation_ms == 2 * SLOT_MS
    assert fourfold[2:] == (4 * landing_ms, 4 * confirmation_ms)
    assert simulated_ms(a_request(), 7, 0) == (0, 0, 0, 0)


def test_the_market_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROP_RATE", "1")

    *_, landing_ms, _ = simulated_ms(a_request(), 7, 1)

    assert landing_ms > 29 * 5 * SLOT_MS
