"""Checks orders that rest: none is left where one is found that has ended, and a stop that was touched has fired."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.status import Status
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents, Leftovers
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.history.terms import Conditions, exact_price, triggers_of
from tests.harness.chaos.mock_market import SeenTick

WATERMARK_STEP = Fraction(1, 1000)
"""A watermark is behind the highest price by less than this share of it."""
BPS = 10_000


def no_place_is_left(leftovers: Leftovers, ledger: LedgerContents) -> Invariant:
    """No order that has ended is found among those that rest or expire, and no book is named that has none."""
    ended = {order.order_id: order.status for order in ledger.orders if order.status in TERMINAL}
    invariant = Invariant("an order that ended rests nowhere", len(ended))
    for place, order_ids in leftovers.places.items():
        invariant.violations += [
            f"{order_id} is {ended.get(order_id, 'not in the ledger')} and still in {place}" for order_id in order_ids
        ]
    invariant.violations += [f"the book {name} is noted and holds nothing" for name in leftovers.book_names]
    return invariant


def touched_stops_fired(
    posts: Sequence[Post],
    changes: Sequence[Change],
    seen: Sequence[Sightings],
    ledger: LedgerContents,
    ticks: Sequence[SeenTick],
    judged_until_s: float,
) -> Invariant:
    """A stop that rested to the end of the run was not touched: no price that was written meanwhile meets its rule.

    By then everything written before `judged_until_s` had been worked through. Counted from when a client saw it rest.
    Stops that were amended, and those that need a price for several slots, are left out.
    """
    invariant = Invariant("a stop that was touched has fired")
    amended = {change.order_id for change in changes if not change.is_cancel}
    cancelled_early = {change.order_id for change in changes if change.sent_at_s < judged_until_s}
    since = {sightings.order_id: sightings.open_since_s() for sightings in seen}
    rested = {order.order_id for order in ledger.orders if order.status == Status.CANCELLED and order.rule is None}
    for post in posts:
        triggers = list(triggers_of(post.conditions))
        if not triggers or any("trigger_slots" in trigger for _, trigger in triggers):
            continue
        for order_id in post.order_ids & rested - amended - cancelled_early:
            if (from_s := since.get(order_id)) is None:
                continue
            invariant.checked += 1
            meanwhile = [tick for tick in ticks if from_s < tick.at_s < judged_until_s]
            invariant.violations += [f"{order_id} rests, and {touch}" for touch in _touches(post, meanwhile)]
    return invariant


def _touches(post: Post, ticks: Sequence[SeenTick]) -> Iterator[str]:
    """Yield what has certainly met a stop's rule, in words: once for each rule."""
    token_in, token_out, _ = post.identity
    prices = [(tick.slot, Fraction(tick.references[f"{token_in}>{token_out}"])) for tick in ticks]
    for rule, trigger in triggers_of(post.conditions):
        for slot in _met(rule, trigger, post.conditions, prices):
            yield f"its {rule} was met in slot {slot}: {dict(trigger)}"


def _met(
    rule: str, trigger: Conditions, conditions: Conditions, prices: Sequence[tuple[int, Fraction]]
) -> Iterator[int]:
    """Yield the first slot, if there is one, whose price certainly met a rule."""
    highest: Fraction | None = None
    starts_at = conditions.get("activation_price")
    active = starts_at is None
    for slot, price in prices:
        if rule == "trailing_stop":
            active = active or price >= exact_price(starts_at, conditions)
            if active:
                highest = max(highest or price, price)
            least = Fraction(highest or 0) / (1 + WATERMARK_STEP) * (BPS - int(trigger["trail_bps"])) / BPS
            met = price <= least
        else:
            at = exact_price(trigger["trigger_price"], conditions)
            met = price >= at if rule == "take_profit" else price <= at
        if met:
            yield slot
            return
