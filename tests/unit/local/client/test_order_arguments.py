"""An order as a command line says it: the body of its POST, and the line about it."""

import argparse
import json
from typing import Any

import pytest

from local.client.order_arguments import add_order_arguments, described, order_from
from orderflow.runtime.http.order_input import read_json_order
from orderflow.runtime.http.order_models import MODELS
from tests.support.launched_tokens import UNKNOWN_MINT

SOLD = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}


def order_of(line: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_order_arguments(parser)
    return order_from(parser.parse_args(line.split()))


LINES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("", {"order_type": "market"}, "market order: 1.5 SOL → USDC, slippage at most 0.05, the default"),
    (
        "--max-slippage 0.02 --take-profit 250 --stop-loss 200",
        {
            "order_type": "market",
            "max_slippage": 0.02,
            "then": {"take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}},
        },
        "market order: 1.5 SOL → USDC, slippage at most 0.02, then take profit 250, then stop loss 200",
    ),
    (
        "--type limit --limit-price 221.37 --allow-partial --expires-in 60",
        {"order_type": "limit", "limit_price": "221.37", "allow_partial": True, "expires_in": "60"},
        "limit order: 1.5 SOL → USDC, limit price 221.37, expires in 60",
    ),
    (
        "--type limit --min-amount-out 300 --time-in-force fok",
        {"order_type": "limit", "min_amount_out": "300", "time_in_force": "fok"},
        "limit order: 1.5 SOL → USDC, min amount out 300, time in force fok",
    ),
    (
        "--type stop_loss --trigger-price 0.005 --price-in token_in --trigger-slots 2 --max-slippage 0.2",
        {
            "order_type": "stop_loss",
            "trigger_price": "0.005",
            "price_in": "token_in",
            "trigger_slots": "2",
            "max_slippage": 0.2,
        },
        "stop loss order: 1.5 SOL → USDC, slippage at most 0.2, trigger price 0.005, trigger slots 2,"
        " price in token_in",
    ),
    (
        "--type trailing_stop --trail-bps 100 --activation-price 230",
        {"order_type": "trailing_stop", "trail_bps": "100", "activation_price": "230"},
        "trailing stop order: 1.5 SOL → USDC, trail bps 100, activation price 230",
    ),
    (
        "--type oco --take-profit 250 --stop-loss 200",
        {"order_type": "oco", "take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}},
        "oco order: 1.5 SOL → USDC, take profit 250, stop loss 200",
    ),
    (
        "--type twap --slices 3 --interval 60 --limit-price 215",
        {"order_type": "twap", "slices": "3", "interval": "60", "limit_price": "215"},
        "twap order: 1.5 SOL → USDC, limit price 215, slices 3, interval 60",
    ),
    (
        "--type sniper --filter lp_burned=true --filter freezable=false --filter min_liquidity=100 --priority turbo"
        " --gain-bps 5000 --loss-bps 3000",
        {
            "order_type": "sniper",
            "token_out": None,
            "target": {"any": True},
            "filters": {"lp_burned": True, "freezable": False, "min_liquidity": "100"},
            "priority": "turbo",
            "then": {"take_profit": {"gain_bps": "5000"}, "stop_loss": {"loss_bps": "3000"}},
        },
        "sniper order: 1.5 SOL → the next launch, lp burned True, freezable False, min liquidity 100, priority turbo,"
        " then take profit gain bps 5000, then stop loss loss bps 3000",
    ),
    (
        f"--type sniper --mint {UNKNOWN_MINT}",
        {"order_type": "sniper", "token_out": None, "target": {"mint": UNKNOWN_MINT}},
        f"sniper order: 1.5 SOL → the launch of {UNKNOWN_MINT}",
    ),
)


@pytest.mark.parametrize(("line", "order", "said"), LINES)
def test_an_order_of_any_type_can_be_said_and_the_api_reads_it(line: str, order: dict[str, Any], said: str) -> None:
    made = order_of(line)

    assert made == {name: value for name, value in (SOLD | order).items() if value is not None}
    assert described(made) == said
    assert read_json_order(json.dumps(made).encode()).order_type == made["order_type"]


def test_there_is_a_line_for_every_type_but_the_other_name_of_one() -> None:
    assert {order["order_type"] for _, order, _ in LINES} | {"take_profit", "dca"} == MODELS.keys()


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (f"--mint {UNKNOWN_MINT}", {"order_type": "market", "target": {"mint": UNKNOWN_MINT}}),
        ("--filter lp_burned=true", {"order_type": "market", "filters": {"lp_burned": True}}),
        ("--type sniper --token-out SOL", {"order_type": "sniper", "target": {"any": True}, "token_out": "SOL"}),
    ],
)
def test_what_does_not_fit_the_type_is_for_the_api_to_refuse(line: str, sent: dict[str, Any]) -> None:
    assert order_of(line) == SOLD | sent


def test_what_is_no_number_is_for_the_api_to_refuse() -> None:
    assert order_of("--max-slippage much --amount some") == SOLD | {
        "order_type": "market",
        "amount": "some",
        "max_slippage": "much",
    }
