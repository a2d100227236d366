"""What is asked for in the model check: market orders, and one or two of each type of order that waits.

The market opens with SOL at about 220 USDC; `LEVELS` are the prices to which it is moved, on both sides of what the
orders wait for.
"""

from decimal import Decimal

import msgspec

from functions.change_orders.amendment import Amendment
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.launches import LaunchFilters, Snipe
from orderflow.domain.order import MARKET, OrderRequest
from tests.model.launches import LAUNCH

SOL, USDC = 10**9, 10**6
LEVELS = ("210", "218", "220", "222", "230")
DESK, STRANGER = "desk-1", "desk-2"
"""Accounts beside `local`: one that has orders, and one that has none."""
EXPIRES_IN_MS = 40_000
"""Less than a transaction is valid."""

MARKETS = (
    OrderRequest("SOL", "USDC", SOL, MARKET, 500),
    OrderRequest("USDC", "SOL", 50_000 * USDC, MARKET, 100),
    OrderRequest("SOL", "USDC", 1, MARKET, 500),  # too small to pay anything: fails when it is routed
)


def _price(value: int | str, *, inverted: bool = False) -> Price:
    return Price(Decimal(value), inverted)


_STOP = Trigger("stop_loss", 2000, price=_price(215))
_PROFIT = Trigger("take_profit", 500, price=_price(225))


def _sells(order_type: str, *triggers: Trigger, amount: int = 5 * SOL, **more: object) -> OrderRequest:
    return OrderRequest("SOL", "USDC", amount, order_type, 500, triggers=triggers, **more)  # type: ignore[arg-type]


def _at(price: Price) -> Limit:
    return Limit(price)


_MET = _at(_price(219))
# So much that the least that it pays is no whole number of atoms.
MET, NOT_MET, FAR = (_sells("limit", limit=_at(_price(each)), amount=5 * SOL + 1) for each in ("219", "221.5", "226"))
STOP = _sells("stop_loss", _STOP)
HELD_STOP = _sells("stop_loss", msgspec.structs.replace(_STOP, slots=2))
STOP_AT_LIMIT = _sells("stop_loss", msgspec.structs.replace(_STOP, limit=_at(_price(216))))
TRAILING = _sells("trailing_stop", Trigger("trailing_stop", 2000, trail_bps=100))
EITHER = _sells("oco", _PROFIT, _STOP)
IN_PARTS = _sells("limit", limit=_MET, allow_partial=True, amount=250 * SOL)
WITH_EXITS = OrderRequest("USDC", "SOL", 1_000 * USDC, MARKET, 500, exits=(_PROFIT, _STOP))
IN_SLICES = _sells("twap", schedule=Schedule(3, 800), amount=10 * SOL + 1)
SLICES_AT_LIMIT = _sells("twap", schedule=Schedule(3, 800), limit=_MET)


def _snipes(snipe: Snipe, slippage_bps: int = 2_500, **more: object) -> OrderRequest:
    return OrderRequest(LAUNCH.quote, "", 1_000 * USDC, "sniper", slippage_bps, snipe=snipe, **more)  # type: ignore[arg-type]


_OTHER_VENUE = LaunchFilters(venue="raydium" if LAUNCH.venue == "meteora" else "meteora")
SNIPE = _snipes(Snipe(LAUNCH.token.mint, priority="turbo"))
SNIPE_ANY = _snipes(Snipe(None, LaunchFilters(max_top10_bps=LAUNCH.top10_bps)))
SNIPE_OF_ANOTHER = _snipes(Snipe(LAUNCH.token.mint, _OTHER_VENUE))  # which its launch does not pass
# Each slot the crowd moves the price by more.
SNIPE_MOVED = _snipes(Snipe(LAUNCH.token.mint, priority="fast"), slippage_bps=100)
SNIPE_WITH_EXITS = _snipes(
    Snipe(LAUNCH.token.mint, priority="turbo"),
    exits=(Trigger("take_profit", 500, entry_bps=1_000), Trigger("stop_loss", 2_000, entry_bps=500)),
)


def _sells_launched(order_type: str, *triggers: Trigger, **more: object) -> OrderRequest:
    token, amount = LAUNCH.token, 1_000 * 10**LAUNCH.token.decimals
    return OrderRequest(token.symbol, "USDC", amount, order_type, 500, triggers=triggers, tokens=(token,), **more)  # type: ignore[arg-type]


_LITTLE = "0.000000001"
LAUNCHED = _sells_launched("limit", limit=_at(_price(1_000)))
LAUNCHED_MET = _sells_launched("limit", limit=_at(_price(_LITTLE)))
LAUNCHED_STOP = _sells_launched("stop_loss", msgspec.structs.replace(_STOP, price=_price(_LITTLE)))
LAUNCHED_IN_SLICES = _sells_launched("twap", schedule=Schedule(3, 800))

WAITING = (
    MET,
    NOT_MET,
    OrderRequest("USDC", "SOL", 1_000 * USDC, "limit", 500, limit=_at(_price(219, inverted=True))),
    msgspec.structs.replace(FAR, time_in_force="fok"),
    _sells("limit", limit=_MET, time_in_force="ioc", amount=250 * SOL),
    IN_PARTS,
    STOP,
    _sells("take_profit", _PROFIT),
    STOP_AT_LIMIT,
    HELD_STOP,
    TRAILING,
    EITHER,
    WITH_EXITS,
    IN_SLICES,
    SLICES_AT_LIMIT,
    SNIPE,
    SNIPE_ANY,
    SNIPE_OF_ANOTHER,
    SNIPE_MOVED,
    SNIPE_WITH_EXITS,
    LAUNCHED,
    LAUNCHED_MET,
    LAUNCHED_STOP,
    LAUNCHED_IN_SLICES,
)
REQUESTS = (*MARKETS, *MARKETS, *WAITING)


def expiring(request: OrderRequest, now_ms: int) -> OrderRequest:
    """Return the request with a time, soon."""
    return msgspec.structs.replace(request, expires_at_ms=now_ms + EXPIRES_IN_MS, time_in_force=_with_time(request))


def amendment_of(request: OrderRequest, level: Decimal) -> Amendment:
    """Return what gives an order its prices around another level, and more time if it has one."""
    fields: dict[str, object] = {}
    at, above, below = (str(price) for price in (level, level + 10, level - 10))
    match request.order_type:
        case "limit":
            fields["limit_price"] = at
        case "oco":
            fields |= {"take_profit": {"trigger_price": above}, "stop_loss": {"trigger_price": below}}
        case "stop_loss":
            fields["trigger_price"] = below
        case "take_profit":
            fields["trigger_price"] = above
        case "trailing_stop":
            fields["trail_bps"] = Decimal(120)
        case "sniper":
            fields |= {"filters": {"max_top10_bps": int(level) * 10}, "priority": "turbo"}
        case _:
            fields["amount"] = "9"
    if request.expires_at_ms is not None:
        fields["expires_in"] = Decimal(EXPIRES_IN_MS // 1000)
    return Amendment(fields, None)


def _with_time(request: OrderRequest) -> str:
    return "gtd" if request.time_in_force == "gtc" else request.time_in_force
