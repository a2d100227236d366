"""Examples of the API's document: orders of every type, and what is answered to some."""

from typing import Any

_SELL = {"token_in": "SOL", "token_out": "USDC"}
_BUY = {"token_in": "USDC", "token_out": "SOL"}

ORDERS_BY_TYPE: dict[str, tuple[str, dict[str, Any]]] = {
    "market": (
        "sell now, at most 5 % below the quote",
        {**_SELL, "amount": 12.5, "order_type": "market", "max_slippage": 0.05},
    ),
    "market_with_exits": (
        "buy now; what was received is sold at 250 USDC or more, or at 200 or less",
        {
            **_BUY,
            "amount": 1000,
            "order_type": "market",
            "then": {"take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}},
        },
    ),
    "limit": (
        "sell once all of it yields 221.37 USDC for each SOL, or more, within a day",
        {**_SELL, "amount": "12.5", "order_type": "limit", "limit_price": "221.37", "expires_in": 86400},
    ),
    "limit_fok": (
        "buy at 219.99 USDC for each SOL, or less: now and all of it, or not at all",
        {
            **_BUY,
            "amount": 100,
            "order_type": "limit",
            "limit_price": "219.99",
            "price_in": "token_in",
            "time_in_force": "fok",
        },
    ),
    "take_profit": (
        "sell once the reference price is at or above 250",
        {**_SELL, "amount": 5, "order_type": "take_profit", "trigger_price": "250"},
    ),
    "stop_loss": (
        "sell once the reference price was at or below 200 in two slots in a row, for 198 or more",
        {
            **_SELL,
            "amount": 5,
            "order_type": "stop_loss",
            "trigger_price": "200",
            "trigger_slots": 2,
            "limit_price": "198",
        },
    ),
    "trailing_stop": (
        "sell once the reference price is 1 % below its highest",
        {**_SELL, "amount": 5, "order_type": "trailing_stop", "trail_bps": 100, "trigger_slots": 2},
    ),
    "oco": (
        "sell at 250 or more, or at 200 or less, whichever comes first, within a day",
        {
            **_SELL,
            "amount": 5,
            "order_type": "oco",
            "take_profit": {"trigger_price": "250"},
            "stop_loss": {"trigger_price": "200", "max_slippage": 0.2},
            "expires_in": 86400,
        },
    ),
    "twap": (
        "buy for 100 USDC each minute, ten times, and never above 230 USDC for each SOL",
        {
            **_BUY,
            "amount": 1000,
            "order_type": "twap",
            "slices": 10,
            "interval": 60,
            "limit_price": "230",
            "price_in": "token_in",
        },
    ),
    "sniper": (
        "buy for 100 USDC the next token that is launched for good, and sell it at a gain of 50 % or a loss of 30 %",
        {
            "token_in": "USDC",
            "amount": "100",
            "order_type": "sniper",
            "target": {"any": True},
            "filters": {"mint_renounced": True, "lp_burned": True, "max_top10_bps": 3000, "min_liquidity": "10000"},
            "priority": "turbo",
            "expires_in": 3600,
            "then": {"take_profit": {"gain_bps": 5000}, "stop_loss": {"loss_bps": 3000}},
        },
    ),
    "sniper_of_one": (
        "buy for 1 SOL the token with this mint as soon as it trades",
        {
            "token_in": "SOL",
            "amount": 1,
            "order_type": "sniper",
            "target": {"mint": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"},
        },
    ),
}
"""Orders by a name that begins with their type, each with what it does."""

ACCEPTED_MARKET = {
    "order_id": "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10",
    "status": "pending",
    "amount": "12.5",
    "max_slippage": 0.05,
}
_WAITS = {"time_in_force": "gtc", "expires_at": None}
_STOP = {"rule": "stop_loss", "trigger_slots": 2, "max_slippage": 0.2, "minimum_out": "990000000"}

ACCEPTED: dict[str, Any] = {
    "market": {"value": ACCEPTED_MARKET},
    "limit": {
        "value": {
            **ACCEPTED_MARKET,
            "order_type": "limit",
            "time_in_force": "gtd",
            "expires_at": "2025-08-30T17:17:22.652Z",
            "minimum_out": "2767125000",
        }
    },
    "stop_loss": {
        "value": {
            **ACCEPTED_MARKET,
            "amount": "5",
            "max_slippage": 0.2,
            "order_type": "stop_loss",
            **_WAITS,
            "triggers": [_STOP],
        }
    },
    "twap": {"value": {**ACCEPTED_MARKET, "amount": "1000", "order_type": "twap", **_WAITS, "slice_amount": "100"}},
}
"""Answers to orders of these examples."""
