"""Launches, a venue that has them, and orders that wait for them, as tests need them."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch, LaunchFilters, Snipe
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest
from orderflow.domain.routing import Leg, Route
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.tokens import Token
from orderflow.domain.venue import Quoted
from orderflow.errors import RejectedError
from tests.support.builders import NOW_MS, ORDER_ID
from tests.support.memory_venue import MemoryVenue

MINT = "8Lq4vT2dHh7bYz5uXo3JcWnRk9sGfPa6MeB1iCwUpZtD"
OPEN_SLOT = 40


def make_launch(symbol: str = "MOON0", **changes: Any) -> Launch:
    """Return a launch in USDC that opens in slot 40: its mint renounced, its liquidity of 10,000 USDC not burned."""
    known: dict[str, Any] = {
        "token": Token(symbol, MINT, 6),
        "quote": "USDC",
        "venue": "raydium",
        "pool": f"raydium_cpmm:{symbol}-USDC",
        "liquidity": 10_000_000_000,
        "mint_renounced": True,
        "freezable": False,
        "lp_burned": False,
        "top10_bps": 2_500,
        "announced_slot": 0,
        "open_slot": OPEN_SLOT,
        "close_slot": 9_040,
    }
    return Launch(**(known | changes))


def make_sniper_request(
    mint: str | None = None, filters: LaunchFilters | None = None, amount_in: int = 100_000_000, **changes: Any
) -> OrderRequest:
    """Return a request that buys for 100 USDC, or other atoms: the token of a mint, or of any launch that passes."""
    snipe = Snipe(mint, filters or LaunchFilters(), changes.pop("priority", "turbo"))
    return OrderRequest("USDC", "", amount_in, "sniper", 2_500, snipe=snipe, **changes)


def make_sniper(
    status: Status = Status.OPEN,
    request: OrderRequest | None = None,
    *,
    launch: Launch | None = None,
    order_id: str = ORDER_ID,
    slot: int = 0,
) -> Order:
    """Return an order that waits for a launch: pending, at rest since a slot, or fired by a launch."""
    launch = launch or make_launch()
    order = Order.accept(OrderId(order_id), request or make_sniper_request(), NOW_MS)
    if status is Status.PENDING:
        return order
    at_rest = order.open(slot, NOW_MS)
    if status is Status.OPEN:
        return at_rest
    fired = Fired(launch.open_slot, "launch", Decimal("812.5"), order.request.amount_in, launch)
    return at_rest.fire(fired, NOW_MS)


def launch_tick(*launches: Launch, slot: int = OPEN_SLOT) -> Tick:
    """Return the tick in which launches open, each at 812.5 of its token per unit of what it is quoted in."""
    return Tick(slot, {launch.pair: PairPrices(810.0, 812.5) for launch in launches}, launches)


class LaunchVenue(MemoryVenue):
    """A venue with launches, in whose pools an atom of the quote buys 800 of the token; some may be `shut`."""

    def __init__(self, *launches: Launch, slot: int = OPEN_SLOT) -> None:
        super().__init__()
        self.launched = list(launches)
        self.at_slot = slot
        self.shut: set[str] = set()

    def slot(self) -> int:
        return self.at_slot

    def prices(self) -> Tick:
        opened = [launch for launch in self.launched if launch.open_slot <= self.at_slot]
        return Tick(self.at_slot, super().prices().prices | launch_tick(*opened).prices)

    def launches(self, *, past: int = 0) -> list[Launch]:
        assert past == 0
        return self.launched

    def closed(self, names: Collection[str]) -> set[str]:
        over = [launch.token for launch in self.launched if launch.close_slot <= self.at_slot]
        return {name for token in over for name in (token.symbol, token.mint) if name in names}

    def quote_launched(self, orders: Sequence[Order]) -> list[Quoted | RejectedError]:
        return [self._through(order) for order in orders]

    def _through(self, order: Order) -> Quoted | RejectedError:
        assert order.fired is not None
        assert order.fired.launch is not None
        launch, amount = order.fired.launch, order.fired.amount_in
        if launch.pool in self.shut:
            return RejectedError("pool is not open")
        out = amount * 800
        leg = Leg(launch.venue, launch.pool, 10_000, launch.quote, launch.token.symbol, amount, out, 0, launch.quote)
        route = Route(self.at_slot, launch.venue, (leg,), amount, out, Decimal(0), Decimal(0), 205_000, ())
        return Quoted(route)

    def _execute(self, order: Order) -> Execution:
        fills = order.chosen_route.legs
        return Execution(order.signature, self.at_slot, fills[0].amount_out, fills)
