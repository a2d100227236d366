"""Launches, and orders that wait for them, made for tests."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

import msgspec

from orderflow.domain.launches import Launch, LaunchFilters, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.routing import Leg, Route
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.tokens import Token
from orderflow.venues.mock.venue import MockVenue
from tests.support.fakes.outside import Outside

MOON = Token("MOON200", "7mZ6gHkzR2sVZ9dCkJ3xwLwW5uTtYq1bPfNhE8rAoMXy", 9)
UNKNOWN_MINT = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"
"""Of 32 bytes, and no token's so far."""


def make_launch(**changes: Any) -> Launch:
    """Return a launch that is announced at slot 200 and opens at slot 230, against USDC."""
    launch = Launch(
        token=MOON,
        quote="USDC",
        venue="raydium",
        pool="raydium:MOON200-USDC",
        liquidity=20_000_000_000,
        mint_renounced=True,
        freezable=False,
        lp_burned=False,
        top10_bps=2_500,
        announced_slot=200,
        open_slot=230,
        close_slot=9_230,
    )
    return msgspec.structs.replace(launch, **changes)


def make_snipe_request(mint: str | None = None, **changes: Any) -> OrderRequest:
    """Return a request to buy for 100 USDC at a launch: of the token with a mint, or at any."""
    snipe = Snipe(mint, LaunchFilters(freezable=False, min_liquidity=10_000_000_000), "turbo")
    request = OrderRequest("USDC", "", 100_000_000, "sniper", 2_500, snipe=snipe)
    return msgspec.structs.replace(request, **changes)


def launch_route(amount_in: int, launch: Launch) -> Route:
    """Return the route through the pool of a launch, which pays eight units for each unit of its quote."""
    quote, token = launch.quote, launch.token.symbol
    leg = Leg(launch.venue, launch.pool, 10_000, quote, token, amount_in, amount_in * 8_000, amount_in // 400, quote)
    price_impact = Decimal("0.0049")
    return Route(
        launch.open_slot, leg.venue, (leg,), amount_in, leg.amount_out, price_impact, Decimal(0), 2_005_000, ()
    )


class LaunchingVenue(MockVenue):
    """The mock market in memory, at a slot of its own, with launches that a test says; it may be out of reach."""

    def __init__(self, outside: Outside, *launches: Launch, slot: int) -> None:
        super().__init__(outside.chain, outside.latency, outside.replication)
        self.all = sorted(launches, key=lambda launch: -launch.announced_slot)
        self.at_slot = slot
        self.asked: list[set[str]] = []
        """The names of each look-up."""
        self.error: Exception | None = None

    def launches(self, *, past: int = 0) -> list[Launch]:
        announced = [launch for launch in self.all if launch.announced_slot <= self.at_slot]
        over = [launch for launch in announced if launch.close_slot <= self.at_slot]
        return [launch for launch in announced if launch not in over] + over[:past]

    def find_tokens(self, names: Collection[str]) -> dict[str, Token]:
        self.asked.append(set(names))
        if self.error is not None:
            raise self.error
        tokens = [launch.token for launch in self.all if launch.announced_slot <= self.at_slot]
        return {name: token for name in names for token in tokens if name in (token.symbol, token.mint)}

    def closed(self, names: Collection[str]) -> set[str]:
        over = [launch.token for launch in self.all if launch.close_slot <= self.at_slot]
        return {name for token in over for name in (token.symbol, token.mint) if name in names}

    def slot(self) -> int:
        return self.at_slot

    def prices(self) -> Tick:
        tick = super().prices()
        worth = {f"{launch.token.symbol}>{launch.quote}": PairPrices(0.0123, 0.0125) for launch in self.launches()}
        return Tick(self.at_slot, tick.prices | worth)
