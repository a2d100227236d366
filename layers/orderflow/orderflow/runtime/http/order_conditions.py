"""Shows what an order waits for, in the fields in which clients write it: a request in, those fields out.

Read again they make the same request, so they are also what an amendment changes.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.launches import Snipe
from orderflow.domain.order import OrderRequest, iso_timestamp
from orderflow.runtime.http.responses import fraction, units

TOKEN_IN, TOKEN_OUT = "token_in", "token_out"


class OrderTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """One of two triggers: the reference price that meets it, in how many slots in a row, and how it is executed then.

    That is at `limit_price`, or as `max_slippage` allows. Of exits the price may be given by how far it is from what
    was paid.
    """

    trigger_price: str | UnsetType = UNSET
    trigger_slots: int
    max_slippage: Decimal
    limit_price: str | UnsetType = UNSET
    gain_bps: int | UnsetType = UNSET
    loss_bps: int | UnsetType = UNSET


class OrderExits(msgspec.Struct, frozen=True, kw_only=True):
    """What sells what an order has received."""

    price_in: str
    take_profit: OrderTrigger | UnsetType = UNSET
    stop_loss: OrderTrigger | UnsetType = UNSET


class OrderTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Which launch is bought: that of the token with a mint, or any."""

    mint: str | UnsetType = UNSET
    any: bool | UnsetType = UNSET


class OrderFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch has to be; `min_liquidity` is a decimal string in units of `token_in`."""

    mint_renounced: bool | UnsetType = UNSET
    freezable: bool | UnsetType = UNSET
    lp_burned: bool | UnsetType = UNSET
    max_top10_bps: int | UnsetType = UNSET
    min_liquidity: str | UnsetType = UNSET
    venue: str | UnsetType = UNSET


def conditions_of(request: OrderRequest) -> dict[str, Any]:
    """Return the fields that say what an order with this request waits for, by name: those that its type has.

    Prices and `min_amount_out` are decimal strings, `interval` is in seconds, and `expires_at` is None without an end.
    """
    shown: dict[str, Any] = {"then": _exits(request.exits)} if request.exits else {}
    if not request.waits:
        return shown
    expires_at_ms = request.expires_at_ms
    shown |= {
        "time_in_force": request.time_in_force,
        "expires_at": None if expires_at_ms is None else iso_timestamp(expires_at_ms),
        **_price_in(request.limit, *request.triggers),
    }
    if request.limit:
        shown |= _limit(request.limit, request)
    if request.snipe:
        return shown | _snipe(request.snipe, request)
    if request.order_type == "limit":
        shown["allow_partial"] = request.allow_partial
    if request.schedule:
        shown |= {"slices": request.schedule.slices, "interval": request.schedule.interval_ms // 1000}
    if request.order_type == "oco":
        return shown | _legs(request.triggers)
    for trigger in request.triggers:
        shown |= _trigger(trigger)
    return shown


def price_in(inverted: bool) -> str:
    """Return the token that a price counts."""
    return TOKEN_IN if inverted else TOKEN_OUT


def prices_of(*given: Limit | Trigger | None) -> Iterator[Price]:
    """Yield every price of limits and triggers."""
    for each in given:
        if isinstance(each, Trigger):
            yield from (price for price in (each.price, each.activation_price) if price)
            yield from prices_of(each.limit)
        elif each is not None and each.price is not None:
            yield each.price


def _price_in(*given: Limit | Trigger | None) -> dict[str, str]:
    """Return what all prices count, if there are any."""
    first = next(prices_of(*given), None)
    return {} if first is None else {"price_in": price_in(first.inverted)}


def _limit(limit: Limit, request: OrderRequest) -> dict[str, str]:
    if limit.price is not None:
        return {"limit_price": _text(limit.price)}
    return {"min_amount_out": units(limit.min_amount_out or 0, request.buys)}


def _snipe(snipe: Snipe, request: OrderRequest) -> dict[str, Any]:
    filters: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(snipe.filters).items() if value is not None
    }
    if snipe.filters.min_liquidity is not None:
        filters["min_liquidity"] = units(snipe.filters.min_liquidity, request.sells)
    target = OrderTarget(mint=snipe.mint) if snipe.mint else OrderTarget(any=True)
    return {"target": target, "filters": OrderFilters(**filters), "priority": snipe.priority}


def _trigger(trigger: Trigger) -> dict[str, Any]:
    shown: dict[str, Any] = {"trigger_slots": trigger.slots}
    if trigger.price is not None:
        shown["trigger_price"] = _text(trigger.price)
    if trigger.entry_bps is not None:
        shown["gain_bps" if trigger.rule == "take_profit" else "loss_bps"] = trigger.entry_bps
    if trigger.trail_bps is not None:
        shown["trail_bps"] = trigger.trail_bps
    if trigger.activation_price is not None:
        shown["activation_price"] = _text(trigger.activation_price)
    if trigger.limit is not None and trigger.limit.price is not None:
        shown["limit_price"] = _text(trigger.limit.price)
    return shown


def _legs(triggers: tuple[Trigger, ...]) -> dict[str, Any]:
    return {each.rule: OrderTrigger(max_slippage=fraction(each.slippage_bps), **_trigger(each)) for each in triggers}


def _exits(triggers: tuple[Trigger, ...]) -> OrderExits:
    exits: dict[str, Any] = {"price_in": TOKEN_OUT} | _price_in(*triggers) | _legs(triggers)
    return OrderExits(**exits)


def _text(price: Price) -> str:
    return f"{price.value:f}"
