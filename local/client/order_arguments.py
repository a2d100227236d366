"""The options by which a command line says an order: options in, the body of its POST and a line about it out."""

import argparse
from collections.abc import Mapping
from typing import Any

ORDER_TYPES = ("market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "dca", "sniper")
_TRIGGERED = ("take_profit", "stop_loss", "trailing_stop")
LEGS = ("take_profit", "stop_loss")

_RELATIVE: Mapping[str, str] = {"take_profit": "gain_bps", "stop_loss": "loss_bps"}

# By the field that each becomes: what stands for its value in the help, and what it means.
_CONDITIONS: Mapping[str, tuple[str, str]] = {
    "limit_price": ("PRICE", "execute at this price or better"),
    "min_amount_out": ("AMOUNT", "or: for so much of token-out at least"),
    "trigger_price": ("PRICE", "of a take_profit or stop_loss: the reference price that fires it"),
    "trail_bps": ("BPS", "of a trailing_stop: so far below the highest price"),
    "activation_price": ("PRICE", "of a trailing_stop: begin to follow at this price"),
    "trigger_slots": ("N", "fire when the condition has held for so many slots in a row"),
    "slices": ("N", "of a twap: in so many parts"),
    "interval": ("SECONDS", "of a twap: one part every so many seconds of the market's time"),
    "price_in": ("WHICH", "token_in: prices are in units of token-in per unit of token-out"),
    "priority": ("normal|fast|turbo", "of a sniper: how much it pays to land soon"),
    "time_in_force": ("gtc|gtd|fok|ioc", "how long it is good"),
    "expires_in": ("SECONDS", "until it expires"),
    "expires_at": ("TIME", "when it expires, with its offset: 2026-12-01T12:00:00Z"),
}


def add_order_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of an order of any type; the API says what is wrong with their values."""
    parser.add_argument("--token-in", default="SOL", help="what to sell: symbol or mint (default: %(default)s)")
    parser.add_argument("--token-out", help="what to buy (default: USDC; a sniper has none)")
    parser.add_argument("--amount", default="1.5", help="how much of token-in to sell (default: %(default)s)")
    parser.add_argument("--max-slippage", help="the most the price may move, such as 0.05")
    waiting = parser.add_argument_group("orders that wait (docs/orders.md)")
    waiting.add_argument(
        "--type",
        default="market",
        choices=ORDER_TYPES,
        dest="order_type",
        help="the order's type (default: %(default)s)",
    )
    for field, (metavar, meaning) in _CONDITIONS.items():
        waiting.add_argument(option_of(field), metavar=metavar, help=meaning)
    for leg in LEGS:
        text = f"{leg.replace('_', ' ')} of an oco; of a market, limit or sniper order, what follows it"
        waiting.add_argument(option_of(leg), metavar="PRICE", help=text)
    for leg, field in _RELATIVE.items():
        text = f"of a sniper, market or limit order: in place of {option_of(leg)}, so far from the price that it paid"
        waiting.add_argument(option_of(field), metavar="BPS", help=text)
    waiting.add_argument("--mint", help="of a sniper: the token to buy (default: the next that passes the filters)")
    waiting.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="filters",
        help="of a sniper: what the launch has to be, such as lp_burned=true; may be given several times",
    )
    waiting.add_argument("--allow-partial", action="store_true", help="of a limit: it may be filled in parts")


def order_from(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the body of the POST of the order that the options say: what is not given is left out.

    What is given and does not fit the type is sent too, for the API to refuse it.
    """
    is_sniper = arguments.order_type == "sniper"
    token_out = arguments.token_out or (None if is_sniper else "USDC")
    order: dict[str, Any] = {
        "token_in": arguments.token_in,
        **({} if token_out is None else {"token_out": token_out}),
        "amount": arguments.amount,
        "order_type": arguments.order_type,
    }
    if arguments.max_slippage is not None:
        order["max_slippage"] = _number(arguments.max_slippage)
    given = {field: getattr(arguments, field) for field in _CONDITIONS}
    order |= {field: value for field, value in given.items() if value is not None}
    legs = _legs(arguments)
    if legs:
        order |= {"then": legs} if arguments.order_type in ("market", "limit", "sniper") else legs
    if arguments.allow_partial:
        order["allow_partial"] = True
    if arguments.mint is not None or is_sniper:
        order["target"] = {"any": True} if arguments.mint is None else {"mint": arguments.mint}
    if arguments.filters:
        order["filters"] = dict(map(_filter, arguments.filters))
    return order


def described(order: Mapping[str, Any]) -> str:
    """Return a line about an order: its type, what it trades, and what it waits for."""
    traded = f"{order['amount']} {order['token_in']} → {order.get('token_out') or _target(order)}"
    conditions = [f"{name.replace('_', ' ')} {value}" for name, value in order.get("filters", {}).items()]
    conditions += [f"{field.replace('_', ' ')} {order[field]}" for field in _CONDITIONS if field in order]
    for leg, prefix in [*((leg, "") for leg in LEGS), *((leg, "then ") for leg in LEGS)]:
        legs = order.get("then", {}) if prefix else order
        if leg in legs:
            how = " ".join(f"{name.replace('_', ' ')} {value}" for name, value in legs[leg].items())
            conditions.append(f"{prefix}{leg.replace('_', ' ')} {how.removeprefix('trigger price ')}")
    if order["order_type"] == "market" or "max_slippage" in order:
        conditions.insert(0, f"slippage at most {order.get('max_slippage', '0.05, the default')}")
    return ", ".join([f"{order['order_type'].replace('_', ' ')} order: {traded}", *conditions])


def option_of(field: str) -> str:
    """Return the option that gives a field."""
    return f"--{field.replace('_', '-')}"


def _legs(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return what triggers an oco, or the exits of another order, each by its own price or the price that it paid."""
    legs: dict[str, dict[str, Any]] = {}
    for leg, relative in _RELATIVE.items():
        given = {"trigger_price": getattr(arguments, leg), relative: getattr(arguments, relative)}
        if any(value is not None for value in given.values()):
            legs[leg] = {name: value for name, value in given.items() if value is not None}
    return legs


def _filter(text: str) -> tuple[str, Any]:
    """Return the name and the value of NAME=VALUE; NAME alone is true."""
    name, _, value = text.partition("=")
    return name, {"": True, "true": True, "false": False}.get(value, value)


def _target(order: Mapping[str, Any]) -> str:
    mint = order["target"].get("mint")
    return f"the launch of {mint}" if mint else "the next launch"


def _number(text: str) -> float | str:
    """Return the text as a number, or as it is where it is none, so that the API says what is wrong with it."""
    try:
        return float(text)
    except ValueError:
        return text
