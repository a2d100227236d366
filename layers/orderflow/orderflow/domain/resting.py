"""Where an order rests and what takes it on: an order and the prices of its pair in, its place or what fired it out.

Prices are in units of `token_out` per unit of `token_in`. What fires an order is decided on exact numbers; the floats
of a place only have to bring it up in time, and so are rounded towards that.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import inf, nextafter
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from orderflow.domain.conditions import Rule, Trigger, shown_price
from orderflow.domain.launches import closing_book, launch_book
from orderflow.domain.order import Order
from orderflow.domain.slicing import next_slot
from orderflow.domain.slippage import BPS

LOOK_AGAIN_SLOTS = 150
"""An order that is too large for the depth at its price is looked at again after so many slots, whatever the prices."""
WATERMARK_STEP = Fraction(1, 1000)
"""How far the reference has to rise for a watermark to follow: a rally of 1 % moves it ten times at most."""


BEFORE_ANY_SLOT = -1


class Marks(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is noted of an order that rests, beside its steps.

    `watermark` is the highest reference of a trailing stop, and holds while it rests; all else until its next step.
    `rule` has held since the slot `since`; at the price `fits_at` an order that was too large for the depth would be
    executed. It is looked at in `look_slot` in any case, and has `waited` as long as it had to after a refusal.
    All that is by the prices up to those of `slot`.
    """

    watermark: float | None = None
    rule: Rule | None = None
    since: int | None = None
    fits_at: float | None = None
    look_slot: int | None = None
    waited: bool = False
    slot: int = BEFORE_ANY_SLOT


class Place(msgspec.Struct, frozen=True):
    """Where an order rests: in books at a price each, and to be looked at in a slot whatever the prices."""

    books: Mapping[str, float] = MappingProxyType({})
    look_slot: int | None = None
    expires_at_ms: int | None = None

    @property
    def text(self) -> str:
        """The place as Redis' scripts take it: slot, time, then `name=price` for each book."""
        slot = "inf" if self.look_slot is None else self.look_slot
        time = "-" if self.expires_at_ms is None else self.expires_at_ms
        return " ".join([f"{slot} {time}", *(f"{name}={price!r}" for name, price in self.books.items())])


class Judged(NamedTuple):
    """What a price has done to an order: the rule that fires it, if one does, and what is to be noted of it."""

    rule: Rule | None
    marks: Marks


def judge(order: Order, marks: Marks, slot: int, reference: float) -> Judged:
    """Return what the reference price of a slot does to an order with triggers."""
    marks = _followed(order, marks, reference)
    for trigger in order.request.triggers:
        if holds(trigger, marks.watermark, reference):
            since = marks.since if marks.rule == trigger.rule and marks.since is not None else slot
            counted = msgspec.structs.replace(marks, rule=trigger.rule, since=since)
            return Judged(trigger.rule if slot - since + 1 >= trigger.slots else None, counted)
    return Judged(None, msgspec.structs.replace(marks, rule=None, since=None))


def immediate(order: Order, reference: float) -> str | None:
    """Return which trigger a reference price would meet as soon as the order rests, in words; None when none."""
    for trigger in order.request.triggers:
        if trigger.price is not None and holds(trigger, None, reference):
            side = "above" if (trigger.rule == "take_profit") is not trigger.price.inverted else "below"
            shown = shown_price(trigger.price.as_written(reference))
            return f"reference {shown} is at or {side} {shown_price(trigger.price.as_written(trigger.price.exact))}"
    return None


def holds(trigger: Trigger, watermark: float | None, reference: float) -> bool:
    """Return whether a trigger's condition holds at a reference price."""
    if trigger.rule == "trailing_stop":
        return watermark is not None and Fraction(reference) <= _trailing(trigger, watermark)
    if trigger.price is None:
        return False
    at = trigger.price.exact
    return Fraction(reference) >= at if trigger.rule == "take_profit" else Fraction(reference) <= at


def stop_price(trigger: Trigger, marks: Marks) -> Fraction | None:
    """Return the price that meets a trigger; None of a trailing stop that is not active yet."""
    if trigger.rule != "trailing_stop":
        return trigger.price.exact if trigger.price else None
    return None if marks.watermark is None else _trailing(trigger, marks.watermark)


def first_place(order: Order) -> Place:
    """Return where an order is found from the step on by which it rests, until it is looked at."""
    return place_of(order, Marks(order.rests.watermark if order.rests else None), BEFORE_ANY_SLOT)


def place_of(order: Order, marks: Marks, slot: int) -> Place:
    """Return where an order rests from a slot on; for one that has just come to rest, BEFORE_ANY_SLOT."""
    place = _place_of(order, marks, slot)
    if not order.request.tokens:
        return place
    closing = {closing_book(token.symbol): 0.0 for token in order.request.tokens}
    return msgspec.structs.replace(place, books={**place.books, **closing})


def _place_of(order: Order, marks: Marks, slot: int) -> Place:
    """Return the place by what takes an order on."""
    expires_at_ms = order.request.expires_at_ms
    from_slot = order.rests.from_slot if order.rests else None
    if from_slot is not None and from_slot > slot:
        return Place(look_slot=from_slot, expires_at_ms=expires_at_ms)
    if order.request.schedule is not None:
        return Place(look_slot=next_slot(order), expires_at_ms=expires_at_ms)
    if (snipe := order.request.snipe) is not None:
        return Place({launch_book(snipe.mint or order.request.token_in): float(snipe.rank)}, None, expires_at_ms)
    if order.least is not None:
        at = below(limit_price(order))
        look = slot + LOOK_AGAIN_SLOTS if marks.fits_at else None
        return Place({f"limit:{order.request.pair}": max(at, marks.fits_at or 0.0)}, look, expires_at_ms)
    if marks.since is not None:
        # It counts slots, and is looked at in each of them.
        return Place(look_slot=slot + 1, expires_at_ms=expires_at_ms)
    books = {f"{side}:{order.request.pair}": price for side, price in _sides(order, marks)}
    return Place(books, None if books else slot + 1, expires_at_ms)


def limit_price(order: Order) -> Fraction:
    """Return the price of an order with a limit. Raises ValueError for one without."""
    if order.least is None:
        raise ValueError(f"order {order.order_id} has no limit")
    token_in, token_out = order.request.sells, order.request.buys
    return order.least * Fraction(10) ** (token_in.decimals - token_out.decimals)


def below(exact: Fraction) -> float:
    """Return the largest float that is not above a number."""
    near = float(exact)
    return near if Fraction(near) <= exact else nextafter(near, -inf)


def above(exact: Fraction) -> float:
    """Return the smallest float that is not below a number."""
    return -below(-exact)


def _followed(order: Order, marks: Marks, reference: float) -> Marks:
    """Return the marks with the watermark that a trailing stop has after a reference price."""
    trigger = order.request.trigger_by("trailing_stop")
    if trigger is None:
        return marks
    if marks.watermark is None and order.rests and order.rests.watermark is not None:
        marks = msgspec.structs.replace(marks, watermark=order.rests.watermark)
    if marks.watermark is None:
        starts_at = trigger.activation_price
        if starts_at is not None and Fraction(reference) < starts_at.exact:
            return marks
    elif Fraction(reference) < _next_mark(marks.watermark):
        return marks
    return msgspec.structs.replace(marks, watermark=reference)


def _sides(order: Order, marks: Marks) -> Iterator[tuple[str, float]]:
    """Yield the books of an order with triggers, and its price in each."""
    for trigger in order.request.triggers:
        if trigger.rule == "take_profit" and trigger.price:
            yield "rise", below(trigger.price.exact)
        elif trigger.rule == "stop_loss" and trigger.price:
            yield "fall", above(trigger.price.exact)
        elif marks.watermark is not None:
            yield "fall", above(_trailing(trigger, marks.watermark))
            yield "rise", below(_next_mark(marks.watermark))
        elif trigger.activation_price:
            yield "rise", below(trigger.activation_price.exact)


def _trailing(trigger: Trigger, watermark: float) -> Fraction:
    return Fraction(watermark) * Fraction(BPS - (trigger.trail_bps or 0), BPS)


def _next_mark(watermark: float) -> Fraction:
    return Fraction(watermark) * (1 + WATERMARK_STEP)
