"""Answers of reads as OpenAPI shows them: an order that rests, and a page of the list."""

from typing import Any

_ID = "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10"

RESTING_SUMMARY: dict[str, Any] = {
    "order_id": _ID,
    "client_order_id": None,
    "status": "open",
    "sequence": 6,
    "order_type": "limit",
    "token_in": "SOL",
    "token_out": "USDC",
    "amount": "12.5",
    "max_slippage": 0.05,
    "created_at": "2026-11-22T18:14:01.123Z",
    "updated_at": "2026-11-22T18:14:31.523Z",
    "execution_price": None,
    "tx_hash": None,
    "reason": "attempt 1: would yield 2736.981102 USDC, limit 2737.5; next attempt from slot 4123",
    "amount_filled": "0",
    "amount_remaining": "12.5",
    "average_price": None,
    "parent_id": None,
    "time_in_force": "gtd",
    "expires_at": "2026-12-01T12:00:00.000Z",
    "price_in": "token_out",
    "limit_price": "219",
    "allow_partial": False,
}
_STEP = {"order_id": _ID, "execution_price": None, "tx_hash": None, "reason": None}
RESTING_DETAILS: dict[str, Any] = {
    **RESTING_SUMMARY,
    "children": [],
    "resting": {
        "slot": 4150,
        "why": "would yield 2733.12 USDC, limit 2737.5",
        "minimum_out": "2737500000",
        "would_yield": "2733120000",
        "distance_bps": 16.0,
        "reference_price": 219.31,
        "trigger_price": None,
        "watermark": None,
        "attempts": 1,
        "last_attempt": "attempt 1: would yield 2736.981102 USDC, limit 2737.5; next attempt from slot 4123",
        "next_attempt_slot": None,
    },
    "route": None,
    "minimum_out": "2737500000",
    "fills": [],
    "history": [
        {**_STEP, "status": "pending", "sequence": 1, "timestamp": "2026-11-22T18:14:01.123Z"},
        {
            **_STEP,
            "status": "open",
            "sequence": 2,
            "timestamp": "2026-11-22T18:14:01.131Z",
            "minimum_out": "2737500000",
            "expires_at": "2026-12-01T12:00:00.000Z",
        },
    ],
}
PAGE: dict[str, Any] = {"orders": [RESTING_SUMMARY], "next_cursor": None}
