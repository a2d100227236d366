"""Checks that no order was executed against what its client asked for: below its limit, or when its time was over."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from orderflow.domain.status import Status
from tests.harness.chaos.checkers.asked import amends_of, asked_before
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import EventRow, FillRow, LedgerContents, OrderRow
from tests.harness.chaos.history.fault_record import Window
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.terms import Conditions, exact_price, expires_at_s, least_of, triggers_of
from tests.harness.chaos.mock_market import ChainContents, SeenTick


class Executed(NamedTuple):
    """What one transaction did for an order, and the sequence and time of the event that says so."""

    tx_hash: str
    amount_in: int
    amount_out: int
    sequence: int
    at_s: float


def limits_kept(posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """No transaction of an order with a limit has yielded an atom less than that asked for.

    Of an order that was amended the limit is that of the latest amend before; or the lower one, where no answer says
    whether it was amended.
    """
    invariant = Invariant("nothing is filled below its limit")
    executed = _executed(ledger)
    slices: dict[str, list[str]] = defaultdict(list)
    for order in ledger.orders:
        if order.parent_id is not None and order.slice is not None:
            slices[order.parent_id].append(order.order_id)
    amends = amends_of(changes)
    for post in posts:
        for order_id in post.order_ids:
            of_slices = [part for slice_id in slices[order_id] for part in executed[slice_id]]
            for part in (*executed[order_id], *of_slices):
                least = _least_at(post.identity, post.conditions, amends[order_id], part)
                if least is None:
                    continue
                invariant.checked += 1
                minimum = ceil(least * part.amount_in)
                if part.amount_out < minimum:
                    invariant.violations.append(
                        f"{order_id} was paid {part.amount_out} for {part.amount_in}, its limit asks for {minimum}"
                    )
    return invariant


def _least_at(identity: Identity, conditions: Conditions, amends: Sequence[Change], part: Executed) -> Fraction | None:
    """Return the lowest limit that may have held for a transaction; None where there is none."""
    asked = asked_before(conditions, amends, part.sequence, part.at_s)
    limits = [least_of(identity, each) for each in asked]
    return None if None in limits else min(limit for limit in limits if limit is not None)


def nothing_after_expiry(
    ledger: LedgerContents, chain: ChainContents, ticks: Sequence[SeenTick], wrong_clocks: Sequence[Window]
) -> Invariant:
    """Nothing of an order is executed at or after its expiry, by the time of the block, or that of its submission.

    Orders that were under way while a clock was wrong are judged by the time of the block alone.
    """
    invariant = Invariant("nothing is filled at or after its expiry")
    executed, events = _executed(ledger), _events(ledger)
    for order in ledger.orders:
        if order.expires_at_s is None or not (parts := executed[order.order_id]):
            continue
        invariant.checked += 1
        of_order = events[order.order_id]
        times = [_block_s(part.tx_hash, chain, ticks) for part in parts]
        if not any(window.overlap_s(of_order[0].at_s, of_order[-1].at_s) for window in wrong_clocks):
            submitted = [event.at_s for event in of_order if event.status == Status.SUBMITTED]
            times += [at_s for at_s in submitted if at_s < parts[-1].at_s][-1:]
        invariant.violations += [
            f"{order.order_id} expired at {order.expires_at_s:.3f} and was under way to be filled at {at_s:.3f}"
            for at_s in times
            if at_s is not None and at_s >= order.expires_at_s
        ]
    return invariant


def minimums_kept(ledger: LedgerContents) -> Invariant:
    """No transaction has yielded less than `building` before it says that it may, where that is kept."""
    invariant = Invariant("no transaction yields less than its minimum")
    executed, events = _executed(ledger), _events(ledger)
    for order_id, parts in executed.items():
        for part in parts:
            before = [event.minimum_out for event in events[order_id] if event.sequence < part.sequence]
            least = next((minimum for minimum in reversed(before) if minimum is not None), None)
            if least is None:
                continue
            invariant.checked += 1
            if part.amount_out < least:
                invariant.violations.append(f"{order_id} was paid {part.amount_out}, its minimum is {least}")
    return invariant


def _block_s(tx_hash: str, chain: ChainContents, ticks: Sequence[SeenTick]) -> float | None:
    """Return when the block of a transaction was written, or one of its slot before it; None when that is unknown."""
    found = chain.executions.get(tx_hash)
    if found is None:
        return None
    at = bisect_left(ticks, found.slot, key=lambda tick: tick.slot)
    return ticks[at].at_s if at < len(ticks) and ticks[at].slot == found.slot else None


def expiry_as_asked(posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """An order expires when its client said, to the millisecond, unless that was amended."""
    orders = {order.order_id: order for order in ledger.orders}
    amended = {change.order_id for change in changes if "expires_at" in change.fields}
    invariant = Invariant("an order expires when its client said")
    for post in posts:
        asked = expires_at_s(post.conditions)
        for order_id in post.order_ids & orders.keys() - amended:
            if asked is None and "expires_in" in post.conditions:
                continue
            invariant.checked += 1
            expires = orders[order_id].expires_at_s
            if (asked is None) != (expires is None) or abs((asked or 0) - (expires or 0)) > 0.0005:
                invariant.violations.append(f"{order_id} was to expire at {asked} and does so at {expires}")
    return invariant


def fired_as_asked(posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """What fired an order is one of its rules, at a price that meets it; unless that was amended."""
    orders = {order.order_id: order for order in ledger.orders}
    amended = {change.order_id for change in changes if not change.is_cancel}
    invariant = Invariant("a stop fires by its rule, at a price that meets it")
    for post in posts:
        triggers = dict(triggers_of(post.conditions))
        for order_id in post.order_ids & orders.keys() - amended if triggers else ():
            order = orders[order_id]
            if order.rule is None or order.fired_price is None:
                continue
            invariant.checked += 1
            if not _meets(order, triggers, post.conditions):
                invariant.violations.append(
                    f"{order_id} was fired by {order.rule} at {order.fired_price}: {dict(post.conditions)}"
                )
    return invariant


def _meets(order: OrderRow, triggers: Mapping[str, Conditions], conditions: Conditions) -> bool:
    """Return whether what fired an order is one of its triggers, and its price meets that.

    One with a limit may have been fired again, at the limit: then that is the price.
    """
    trigger = triggers.get(order.rule or "")
    if trigger is None or order.fired_price is None:
        return False
    if order.rule == "trailing_stop" or "limit_price" in trigger:
        return True
    at, fired = exact_price(trigger["trigger_price"], conditions), Fraction(order.fired_price)
    # The price that fired it is kept with fewer digits than it was compared with.
    near = abs(fired - at) <= at * Fraction(1, 10**9)
    return near or (fired > at if order.rule == "take_profit" else fired < at)


def _executed(ledger: LedgerContents) -> Mapping[str, list[Executed]]:
    """Return what each transaction of an order did, one after the other."""
    orders = {order.order_id: order for order in ledger.orders}
    events = _events(ledger)
    legs: dict[tuple[str, str], list[FillRow]] = defaultdict(list)
    for fill in ledger.fills:
        legs[fill.order_id, fill.tx_hash].append(fill)
    executed: dict[str, list[Executed]] = defaultdict(list)
    for (order_id, tx_hash), fills in legs.items():
        if (order := orders.get(order_id)) is None:
            continue
        sold = sum(fill.amount_in for fill in fills if fill.token_in == order.token_in)
        paid = sum(fill.amount_out for fill in fills if fill.token_out == order.token_out)
        steps = [event for event in events[order_id] if event.status in (Status.PARTIALLY_FILLED, Status.CONFIRMED)]
        # Each such step is of one transaction.
        if (number := len(executed[order_id])) < len(steps):
            step = steps[number]
            executed[order_id].append(Executed(tx_hash, sold, paid, step.sequence, step.at_s))
    return executed


def _events(ledger: LedgerContents) -> Mapping[str, list[EventRow]]:
    events: dict[str, list[EventRow]] = defaultdict(list)
    for event in ledger.events:
        events[event.order_id].append(event)
    return events
