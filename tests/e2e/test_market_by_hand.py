"""`python -m local up` with CLOCK=manual and a MARKET_SCRIPT: the market stands still but for what it is asked."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.harness.own_system import OwnSystem


def ask(run: OwnSystem, method: str, path: str, body: str | None = None) -> Any:
    """Return the document that a path answers."""
    connection = HTTPConnection("127.0.0.1", run.port, timeout=30)
    connection.request(method, path, body, {"content-type": "application/json"})
    document = json.loads(connection.getresponse().read())
    connection.close()
    return document


def price_of_a_sol(run: OwnSystem) -> float:
    return float(ask(run, "GET", "/api/quote?token_in=SOL&token_out=USDC&amount=1")["expected_out"])


def test_slots_pass_by_hand_and_the_script_sets_prices_at_its_slots(
    new_run: Callable[..., OwnSystem], tmp_path: Path
) -> None:
    script = tmp_path / "market.csv"
    script.write_text("30, SOL, 330\n")
    run = new_run(CLOCK="manual", MARKET_SCRIPT=str(script), SPEED="0")
    run.start()

    before = ask(run, "POST", "/api/market/advance", '{"slots":29}')
    price_before = price_of_a_sol(run)
    at = ask(run, "POST", "/api/market/advance", '{"slots":1}')
    price_at = price_of_a_sol(run)

    assert (before, at) == ({"slot": 29}, {"slot": 30})
    assert price_before == pytest.approx(220, rel=0.01)
    assert price_at == pytest.approx(330, rel=0.01)
