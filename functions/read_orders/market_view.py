"""Shows the market: what the JSON documents of pairs, pools and past prices are, with an example of each."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from orderflow.adapters.reports import PastPrice
from orderflow.domain.conditions import shown_price
from orderflow.domain.depth import DepthPoint
from orderflow.domain.market import PairView
from orderflow.domain.order import iso_timestamp
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


class PricePoint(msgspec.Struct, frozen=True):
    """What a pair was worth after a slot, in units of `token_out` per unit of `token_in`, in all and at each venue.

    `at` is when that was noted. Where a venue's pools were empty it is not there.
    """

    slot: int
    at: str
    reference: str
    venues: Mapping[str, str]


class PriceList(msgspec.Struct, frozen=True):
    """The latest prices that were kept of a pair, the oldest first."""

    points: list[PricePoint]


def points_of(prices: Iterable[PastPrice], *, reversed_pair: bool = False) -> PriceList:
    """Return past prices as clients see them; those of the `reversed_pair` are reciprocals, to 12 digits."""
    written = _reciprocal if reversed_pair else str
    return PriceList(
        [
            PricePoint(
                slot=price.slot,
                at=iso_timestamp(price.at_ms),
                reference=written(price.reference),
                venues={venue: written(own) for venue, own in price.venues.items()},
            )
            for price in prices
        ]
    )


def _reciprocal(price: str) -> str:
    return shown_price(1 / Fraction(price))


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
PRICES_EXAMPLE: dict[str, Any] = {
    "points": [
        {
            "slot": 4122,
            "at": "2026-11-22T18:14:01.123Z",
            "reference": "219.455104221",
            "venues": {"meteora": "219.81", "raydium": "219.102"},
        }
    ]
}
