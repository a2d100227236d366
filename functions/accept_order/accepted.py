"""What is answered to an order that is durable."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.domain.conditions import Limit, Trigger
from orderflow.domain.order import OrderId, OrderRequest, iso_timestamp
from orderflow.domain.status import Status
from orderflow.runtime.http.responses import fraction, units


class AcceptedTrigger(msgspec.Struct, frozen=True):
    """A trigger that was accepted: as what it executes. `minimum_out` is in atoms, null without a limit_price."""

    rule: str
    trigger_slots: int
    max_slippage: Decimal
    minimum_out: int | None


class Accepted(msgspec.Struct, frozen=True):
    """An order that was just accepted; `amount` and `max_slippage` are those that were taken, as in OrderSummary.

    One that waits says more: its type, how long it is good, and the fewest atoms of token_out that it is executed for,
    where it has a limit for the whole; then its triggers, or how many units the first of its slices sells.
    """

    order_id: str
    status: str
    amount: str
    max_slippage: Decimal
    order_type: str | UnsetType = UNSET
    time_in_force: str | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    minimum_out: int | UnsetType | None = UNSET
    triggers: list[AcceptedTrigger] | UnsetType = UNSET
    slice_amount: str | UnsetType = UNSET


def accepted(order_id: OrderId, request: OrderRequest) -> Accepted:
    """Return the answer to an order that is durable: what was taken, which a number with many decimals is more than."""
    amount, slippage = units(request.amount_in, request.sells), fraction(request.slippage_bps)
    return Accepted(order_id, Status.PENDING, amount, slippage, **_conditions(request))


def _conditions(request: OrderRequest) -> dict[str, Any]:
    """Return what an order waits for, as it was taken; nothing of a market order."""
    if not request.waits:
        return {}
    expires_at_ms = request.expires_at_ms
    more: dict[str, Any] = {
        "order_type": request.order_type,
        "time_in_force": request.time_in_force,
        "expires_at": None if expires_at_ms is None else iso_timestamp(expires_at_ms),
    }
    if request.triggers:
        return more | {"triggers": [_trigger(request, each) for each in request.triggers]}
    if request.schedule is not None:
        return more | {"slice_amount": units(request.amount_in // request.schedule.slices, request.sells)}
    return more | {"minimum_out": _minimum(request, request.limit)}


def _trigger(request: OrderRequest, trigger: Trigger) -> AcceptedTrigger:
    minimum = _minimum(request, trigger.limit)
    return AcceptedTrigger(trigger.rule, trigger.slots, fraction(trigger.slippage_bps), minimum)


def _minimum(request: OrderRequest, limit: Limit | None) -> int | None:
    return None if limit is None else request.minimum_at(limit)
