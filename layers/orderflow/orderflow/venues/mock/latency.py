"""How long the mock venues and chain take, and what gets lost: draws from a seed, the slot and the request.

Nothing here depends on an order's id or on the wall clock, so the same seed and the same orders meet the same market.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from math import exp
from statistics import NormalDist
from struct import unpack
from typing import NamedTuple

import msgspec

from orderflow.domain.launches import Priority
from orderflow.domain.order import OrderRequest
from orderflow.domain.ticks import SLOT_MS

SLOTS_TO_CONFIRM = 2
BLOCKHASH_VALID_SLOTS = 150
RESEND_SLOTS = 5
"""A transaction that was dropped is sent again after 2 s."""

# Log-normal: the median, and the standard deviation of the logarithm that puts the 99th percentile at about 800 ms.
QUOTE_MEDIAN_MS = 150
QUOTE_DEADLINE_MS = 800
BUILD_MEDIAN_MS = 350
_SIGMA = 0.72
_BUILD_SIGMA = 0.2
_NORMAL = NormalDist()

_LANDING = ((0.35, 1), (0.75, 2), (0.90, 3), (1.0, 4))
"""Cumulative probability of landing this many slots after sending."""


class Paid(NamedTuple):
    """What a priority costs, in lamports, and buys: its odds of landing, and the share of losses that are left."""

    tip: int
    landing: tuple[tuple[float, int], ...]
    dropped: float


PRIORITIES: Mapping[Priority, Paid] = {
    "normal": Paid(10_000, _LANDING, 1),
    "fast": Paid(200_000, ((0.65, 1), (0.90, 2), (1.0, 3)), 0.5),
    "turbo": Paid(2_000_000, ((0.90, 1), (1.0, 2)), 0),
}
"""Of orders that buy a launched token as it opens."""

SIGNATURE_FEE = 5_000
PRIORITY_FEE_MEDIAN = 10_000
"""Lamports; what is paid on top to be landed soon is log-normal around this."""


class Quotes(msgspec.Struct, frozen=True):
    """Which venues answered in time, and how long that took in milliseconds of market time."""

    venues: tuple[str, ...]
    wait_ms: float


class Landing(msgspec.Struct, frozen=True):
    """How many slots after sending a transaction lands, and how often it had to be sent for that."""

    slots: int
    sends: int


class Latency:
    """The delays and losses of one market; `speed` scales the real waiting (1 = real time, 0 = none) and only that.

    `drop_rate` is the share of sendings that get lost; `failure_rate` the share of quote requests that fail.
    """

    def __init__(self, seed: int, speed: float, drop_rate: float = 0.01, failure_rate: float = 0.0) -> None:
        self._seed = seed
        self._speed = speed
        self._drop_rate = drop_rate
        self._failure_rate = failure_rate

    def quotes(self, slot: int, request: OrderRequest, venues: tuple[str, ...]) -> Quotes:
        """Return who answers a request for quotes that goes to all venues at once.

        A venue that fails or misses the deadline is left out; when all do, the quickest is waited for.
        """
        took = {venue: self._quote_ms(slot, request, venue) for venue in venues}
        in_time = tuple(
            venue
            for venue, milliseconds in took.items()
            if milliseconds <= QUOTE_DEADLINE_MS and self._draw(slot, request, f"failure:{venue}") >= self._failure_rate
        )
        if not in_time:
            quickest = min(took, key=took.__getitem__)
            return Quotes((quickest,), took[quickest])
        late = len(in_time) < len(venues)
        return Quotes(in_time, QUOTE_DEADLINE_MS if late else max(took.values()))

    def build_ms(self, slot: int, request: OrderRequest) -> float:
        """Return how long the venue's API takes to build a transaction, in market time; no launch waits for that."""
        if request.snipe is not None:
            return 0.0
        return _log_normal(self._draw(slot, request, "build"), BUILD_MEDIAN_MS, _BUILD_SIGMA)

    def landing(self, slot: int, request: OrderRequest) -> Landing:
        """Return when a transaction lands after it was sent; every dropped sending costs the time to notice it."""
        sends = 1
        while sends < BLOCKHASH_VALID_SLOTS // RESEND_SLOTS and self._drops(slot, request, sends):
            sends += 1
        draw = self._draw(slot, request, "landing")
        odds = PRIORITIES[request.snipe.priority].landing if request.snipe else _LANDING
        slots = next(slots for cumulative, slots in odds if draw <= cumulative)
        return Landing(slots + (sends - 1) * RESEND_SLOTS, sends)

    def landing_slot(self, slot: int, request: OrderRequest, venues: tuple[str, ...]) -> int:
        """Return the slot in which an order that was quoted in `slot` lands."""
        quotes_ms = 0.0 if request.snipe else self.quotes(slot, request, venues).wait_ms
        before_ms = quotes_ms + self.build_ms(slot, request)
        return slot + int(before_ms // SLOT_MS) + self.landing(slot, request).slots

    def network_fee(self, slot: int, request: OrderRequest) -> int:
        """Return the lamports that a transaction costs: its signature and a priority fee, or the tip of a snipe."""
        if request.snipe is not None:
            return SIGNATURE_FEE + PRIORITIES[request.snipe.priority].tip
        return SIGNATURE_FEE + round(_log_normal(self._draw(slot, request, "fee"), PRIORITY_FEE_MEDIAN, _SIGMA))

    def scaled(self, market_ms: float) -> int:
        """Return how many real milliseconds to wait for a time of the market."""
        return round(market_ms * self._speed)

    def blockhash_valid_ms(self) -> int:
        """Return how long a transaction may really wait to land; never less than in real time, whatever the speed."""
        return round(BLOCKHASH_VALID_SLOTS * SLOT_MS * max(self._speed, 1))

    def _quote_ms(self, slot: int, request: OrderRequest, venue: str) -> float:
        return _log_normal(self._draw(slot, request, f"quote:{venue}"), QUOTE_MEDIAN_MS, _SIGMA)

    def _drops(self, slot: int, request: OrderRequest, sends: int) -> bool:
        left = PRIORITIES[request.snipe.priority].dropped if request.snipe else 1
        return self._draw(slot, request, f"drop:{sends}") < self._drop_rate * left

    def _draw(self, slot: int, request: OrderRequest, purpose: str) -> float:
        """Return a number strictly between 0 and 1, the same for the same seed, slot, request and purpose."""
        draws = _draws(f"{self._seed}:{slot}:{request.token_in}:{request.token_out}:{request.amount_in}")
        number = _PURPOSES.get(purpose)
        return draws[number] if number is not None else _draws(f"{draws}:{purpose}")[0]


# What every order needs comes out of one digest. That has no room for more, and other fills would follow if it had:
# nothing is added here. The draws of further venues, and rare ones, each come from a digest of their own.
_PURPOSES = {
    purpose: number
    for number, purpose in enumerate(
        (
            "quote:meteora",
            "quote:raydium",
            "failure:meteora",
            "failure:raydium",
            "build",
            "landing",
            "fee",
            "drop:1",
        )
    )
}


@lru_cache(maxsize=8192)
def _draws(key: str) -> tuple[float, ...]:
    """Return eight numbers strictly between 0 and 1 for a key."""
    return tuple((word + 0.5) / 2**64 for word in unpack("<8Q", blake2b(key.encode()).digest()))


def _log_normal(uniform: float, median: float, sigma: float) -> float:
    return median * exp(sigma * _NORMAL.inv_cdf(uniform))
