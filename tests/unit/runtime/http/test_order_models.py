"""Orders of every type, read into the requests that the pipeline takes."""

from decimal import Decimal
from typing import Any

import pytest

from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import OrderRequest
from orderflow.runtime import clock
from orderflow.runtime.http.order_input import read_order
from tests.support.builders import NOW_MS

SELL = {"token_in": "SOL", "token_out": "USDC", "amount": "12.5"}
BUY = {"token_in": "USDC", "token_out": "SOL", "amount": "100"}
LATER, LATER_MS = "2026-12-01T12:00:00+02:00", 1_796_119_200_000


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)


def asked(order_type: str, **more: Any) -> OrderRequest:
    """Return what an order over 12.5 SOL asks for, made now."""
    return read_order({**SELL, "order_type": order_type, **more}).request(NOW_MS)


def sells(order_type: Any, slippage_bps: int, **more: Any) -> OrderRequest:
    return OrderRequest("SOL", "USDC", 12_500_000_000, order_type, slippage_bps, **more)


def price(value: str, *, inverted: bool = False) -> Price:
    return Price(Decimal(value), inverted)


AT_250 = Trigger("take_profit", 500, price=price("250"))
AT_200 = Trigger("stop_loss", 2_000, price=price("200"))
BOTH = {"take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}}


def test_a_market_order_is_what_it_was() -> None:
    assert asked("market") == sells("market", 500)


def test_a_limit_order_has_a_price_or_a_least_amount() -> None:
    assert asked("limit", limit_price="221.37") == sells("limit", 500, limit=Limit(price("221.37")))
    assert asked("limit", min_amount_out="2767.125") == sells("limit", 500, limit=Limit(min_amount_out=2_767_125_000))


def test_a_number_for_the_least_amount_is_rounded_up_and_a_string_is_exact() -> None:
    assert asked("limit", min_amount_out=Decimal("0.1234561")).limit == Limit(min_amount_out=123_457)
    assert asked("limit", min_amount_out=Decimal("1e-12")).limit == Limit(min_amount_out=1)
    assert asked("limit", min_amount_out="0.123456").limit == Limit(min_amount_out=123_456)


def test_a_buyer_may_write_prices_in_what_it_pays() -> None:
    buys = read_order({**BUY, "order_type": "limit", "limit_price": "219.99", "price_in": "token_in"}).request(0)

    assert buys == OrderRequest("USDC", "SOL", 100_000_000, "limit", 500, limit=Limit(price("219.99", inverted=True)))


def test_triggers_have_slippages_of_their_own() -> None:
    assert asked("take_profit", trigger_price="250") == sells("take_profit", 500, triggers=(AT_250,))
    assert asked("stop_loss", trigger_price="200") == sells("stop_loss", 2_000, triggers=(AT_200,))
    assert asked("stop_loss", trigger_price=200, max_slippage="0.01").triggers[0].slippage_bps == 100
    trailing = Trigger("trailing_stop", 2_000, trail_bps=100, slots=2)
    assert asked("trailing_stop", trail_bps=100, trigger_slots=2) == sells("trailing_stop", 2_000, triggers=(trailing,))


def test_a_trailing_stop_may_begin_at_a_price() -> None:
    [trigger] = asked("trailing_stop", trail_bps="50", activation_price="230", price_in="token_in").triggers

    assert trigger == Trigger("trailing_stop", 2_000, trail_bps=50, activation_price=price("230", inverted=True))


def test_a_trigger_with_a_limit_price_has_that_limit() -> None:
    [stop] = asked("stop_loss", trigger_price="0.005", limit_price="0.0051", price_in="token_in").triggers

    assert stop.price == price("0.005", inverted=True)
    assert stop.limit == Limit(price("0.0051", inverted=True))


def test_an_oco_has_two_triggers_the_profit_first() -> None:
    assert asked("oco", **BOTH) == sells("oco", 500, triggers=(AT_250, AT_200))
    other = {"take_profit": {"trigger_price": "250", "trigger_slots": 3, "limit_price": "251", "max_slippage": "0.02"}}
    profit, _ = asked("oco", **{**BOTH, **other}).triggers
    assert profit == Trigger("take_profit", 200, price=price("250"), slots=3, limit=Limit(price("251")))


def test_a_twap_has_a_schedule_and_dca_is_another_name_for_it() -> None:
    twap = asked("twap", slices=10, interval=60, limit_price="215")

    assert twap == sells("twap", 500, limit=Limit(price("215")), schedule=Schedule(10, 60_000))
    assert asked("dca", slices="10", interval=60, limit_price=215) == twap


def test_what_follows_a_confirmed_order_has_prices_of_its_own() -> None:
    then = {"take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}}

    assert asked("market", then=then) == sells("market", 500, exits=(AT_250, AT_200))
    assert asked("limit", limit_price="220", then={"stop_loss": {"trigger_price": "200"}}).exits == (AT_200,)
    inverted = {"take_profit": {"trigger_price": "200"}, "stop_loss": {"trigger_price": "250"}, "price_in": "token_in"}
    prices = [each.price for each in asked("market", then=inverted).exits]
    assert prices == [price("200", inverted=True), price("250", inverted=True)]


@pytest.mark.parametrize(
    ("given", "time_in_force", "expires_at_ms"),
    [
        ({}, "gtc", None),
        ({"time_in_force": "gtc"}, "gtc", None),
        ({"expires_at": LATER}, "gtd", LATER_MS),
        ({"expires_at": LATER, "time_in_force": "gtc"}, "gtd", LATER_MS),
        ({"expires_in": 86_400, "time_in_force": "gtd"}, "gtd", NOW_MS + 86_400_000),
        ({"expires_in": "0.001"}, "gtd", NOW_MS + 1),
        ({"time_in_force": "fok"}, "fok", None),
        ({"time_in_force": "ioc", "expires_at": LATER}, "ioc", LATER_MS),
    ],
)
def test_how_long_an_order_is_good(given: dict[str, Any], time_in_force: str, expires_at_ms: int | None) -> None:
    request = asked("limit", limit_price="220", **given)

    assert (request.time_in_force, request.expires_at_ms) == (time_in_force, expires_at_ms)


@pytest.mark.parametrize("order_type", ["take_profit", "stop_loss", "trailing_stop", "oco", "twap"])
def test_every_order_that_waits_may_have_an_end(order_type: str) -> None:
    needs: dict[str, dict[str, Any]] = {
        "take_profit": {"trigger_price": 250},
        "stop_loss": {"trigger_price": 200},
        "trailing_stop": {"trail_bps": 100},
        "oco": BOTH,
        "twap": {"slices": 2, "interval": 1},
    }

    request = asked(order_type, expires_at=LATER, time_in_force="gtd", **needs[order_type])

    assert (request.time_in_force, request.expires_at_ms) == ("gtd", LATER_MS)


def test_only_an_order_that_is_filled_in_parts_anyway_does_not_say_so() -> None:
    assert asked("limit", limit_price="220", allow_partial=True).allow_partial
    assert not asked("limit", limit_price="220", allow_partial=False, time_in_force="fok").allow_partial
    ioc = {"limit_price": "220", "time_in_force": "ioc"}
    assert asked("limit", **ioc, allow_partial=True) == asked("limit", **ioc)


def test_null_is_as_good_as_nothing_at_every_level() -> None:
    nothing = {"trigger_slots": None, "limit_price": None, "max_slippage": None}
    legs = {name: leg | nothing for name, leg in BOTH.items()}
    optional = {
        "expires_at": None,
        "expires_in": None,
        "time_in_force": None,
        "price_in": None,
        "client_order_id": None,
    }

    assert asked("oco", **legs, **optional) == asked("oco", **BOTH)
    limit = {"min_amount_out": None, "allow_partial": None, "then": None, **optional}
    assert asked("limit", limit_price=220, **limit) == asked("limit", limit_price=220)
    then = {"take_profit": {"trigger_price": "250", **nothing}, "stop_loss": None, "price_in": None}
    assert asked("market", then=then).exits == (AT_250,)
