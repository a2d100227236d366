"""Shows the market: what the JSON documents of pairs and pools are, with an example of each."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orderflow.domain.depth import DepthPoint
from orderflow.domain.market import PairView
from orderflow.domain.pool_views import PoolView


class PairList(msgspec.Struct, frozen=True):
    """What each pair of listed tokens with pools of its own is worth after a slot."""

    slot: int
    pairs: Sequence[PairView]


class Depth(msgspec.Struct, frozen=True):
    """What is paid for growing amounts of a pair's `token_in` that are sold, and that are bought."""

    sell: list[DepthPoint]
    buy: list[DepthPoint]


class PoolList(msgspec.Struct, frozen=True):
    """The pools between two tokens after a slot, and the depth over all routes between them."""

    slot: int
    pools: list[PoolView]
    depth: Depth


PAIRS_EXAMPLE: dict[str, Any] = {
    "slot": 4123,
    "pairs": [
        {
            "pair": "SOL/USDC",
            "token_in": "SOL",
            "token_out": "USDC",
            "reference": "219.455104221",
            "venues": {"meteora": "219.81", "raydium": "219.102"},
        }
    ],
}
POOLS_EXAMPLE: dict[str, Any] = {
    "slot": 4123,
    "pools": [
        {
            "pool": "raydium_amm_v4:SOL-USDC",
            "venue": "raydium",
            "kind": "raydium_amm_v4",
            "token_a": "SOL",
            "token_b": "USDC",
            "reserve_a": "45454545454545",
            "reserve_b": "10000000000000",
            "fee_bps": "25",
            "price": "219.102",
        }
    ],
    "depth": {
        "sell": [
            {"amount": "0.454545454", "price": "219.78", "impact": "0"},
            {"amount": "19027.53036", "price": "206.02", "impact": "0.062604"},
        ],
        "buy": [
            {"amount": "0.454", "price": "220.22", "impact": "0"},
            {"amount": "17867.4", "price": "234.71", "impact": "0.06283"},
        ],
    },
}
