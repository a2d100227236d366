"""Which triggers prices have met: what the witness saw of the market, beside what the engine made of it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from orderflow.domain.conditions import Trigger
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.ticks import Tick
from tests.model.promises import limit_of
from tests.model.violation import require

STEP, NEARLY = 1.001, 1e-9
"""A watermark follows the price by steps of so much; prices are compared up to so much."""

Seen = Mapping[int, tuple[Tick, ...]]
"""By slot, the prices after each of its blocks."""


class Watched(NamedTuple):
    """What ticks have been to an order since its step `sequence`, by which it rests.

    The highest reference, of all that came while it rested; by rule, since which slot it has held; and the tick that
    has met a trigger.
    """

    sequence: int
    highest: float = 0.0
    since: Mapping[str, int] = {}
    met_by: Tick | None = None


def watch(watched: dict[str, Watched], orders: Iterable[Order], tick: Tick) -> None:
    """Note what a tick is to each order that rests and waits for one."""
    for order in orders:
        if order.status not in RESTING or not order.request.triggers or limit_of(order) is not None:
            continue
        known = watched.get(order.order_id)
        if known is None or known.sequence != order.sequence:
            # One that was amended still trails the highest price that it has seen.
            known = Watched(order.sequence, known.highest if known else 0.0)
        watched[order.order_id] = _after(known, order, tick)


def _after(known: Watched, order: Order, tick: Tick) -> Watched:
    prices = tick.prices.get(order.request.pair)
    if prices is None:
        return known  # the token has closed
    reference = prices.reference
    highest, since, met_by = max(known.highest, reference), dict(known.since), known.met_by
    for trigger in order.request.triggers:
        if not _surely_holds(trigger, highest, reference):
            since.pop(trigger.rule, None)
        elif tick.slot - since.setdefault(trigger.rule, tick.slot) + 1 >= trigger.slots:
            met_by = met_by or tick
    return Watched(order.sequence, highest, since, met_by)


def check_missed(watched: Mapping[str, Watched], orders: Mapping[str, Order], to_be_worked: Iterable[Tick]) -> None:
    """An order does not rest any more when the tick that has met its trigger is worked off."""
    left = set(map(msgspec.json.encode, to_be_worked))
    for order_id, known in watched.items():
        order = orders[order_id]
        rests = order.status in RESTING and order.sequence == known.sequence
        if rests and known.met_by is not None:
            require(msgspec.json.encode(known.met_by) in left, "an order that was met goes", order, known.met_by)


def check_fired(order: Order, seen: Seen) -> None:
    """What an order says that it was fired by was so."""
    fired, request = order.fired, order.request
    if fired is None or fired.rule == "limit":
        return
    [trigger] = [each for each in request.triggers if each.rule == fired.rule]
    price, since = float(fired.price), order.rests.since_slot if order.rests else 0
    known = {
        # A launched token has prices only since it trades.
        slot: [tick.prices[request.pair].reference for tick in ticks if request.pair in tick.prices]
        for slot, ticks in seen.items()
    }
    require(any(is_close(price, each) for each in known[fired.slot]), "the price was there", order, known)
    highest = max(each for slot, prices in known.items() if since <= slot <= fired.slot for each in prices)
    for slot in range(fired.slot - trigger.slots + 1, fired.slot + 1):
        prices = known.get(slot, [])
        held = not prices or any(_may_hold(trigger, highest, each) for each in prices)
        require(held, f"its condition has held in slot {slot}", order, known)
    require(_may_hold(trigger, highest, price), f"its price fires it, {highest} was the highest", order)


def is_close(one: float, other: float) -> bool:
    """Return whether two prices are the same, up to what is lost when one is written."""
    return abs(one - other) <= NEARLY * other


def _surely_holds(trigger: Trigger, highest: float, reference: float) -> bool:
    if trigger.rule == "trailing_stop":
        return reference <= highest / STEP * (1 - (trigger.trail_bps or 0) / 10_000) * (1 - NEARLY)
    return _meets(trigger, reference)


def _may_hold(trigger: Trigger, highest: float, reference: float) -> bool:
    if trigger.rule == "trailing_stop":
        return reference <= highest * (1 - (trigger.trail_bps or 0) / 10_000) * (1 + NEARLY)
    # What an order says of its price has twelve digits.
    return _meets(trigger, reference * (1 - NEARLY)) or _meets(trigger, reference * (1 + NEARLY))


def _meets(trigger: Trigger, reference: float) -> bool:
    at = float(trigger.price.exact) if trigger.price else 0.0
    return reference >= at if trigger.rule == "take_profit" else reference <= at
