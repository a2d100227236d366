"""Launches and orders that wait for them, as tests need them."""

from decimal import Decimal
from typing import Any

from orderflow.domain.launches import Launch, LaunchFilters, Snipe
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.tokens import Token
from tests.support.builders import NOW_MS, ORDER_ID

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
