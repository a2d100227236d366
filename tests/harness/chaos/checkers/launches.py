"""Checks launches against the orders that wait for them: none was passed over, and none is called over too early."""

from collections.abc import Sequence
from typing import NamedTuple

from orderflow.domain.launches import Launch
from orderflow.domain.status import Status
from tests.harness.chaos.checkers.asked import CLOCKS_DIFFER_S, amends_of
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.checkers.snipes import posted_snipers, refusal
from tests.harness.chaos.checkers.stalls import BOUND_S
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents, OrderRow
from tests.harness.chaos.history.fault_record import Window
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.history.terms import target_mint
from tests.harness.chaos.mock_market import SeenTick


class Opening(NamedTuple):
    """A launch, and when the tick was written that says that it opened, in seconds since 1970."""

    launch: Launch
    at_s: float


def openings(ticks: Sequence[SeenTick]) -> list[Opening]:
    """Return the launches that opened in ticks that were read, one after the other."""
    return [Opening(launch, tick.at_s) for tick in ticks for launch in tick.opened]


def none_passed_over(
    posts: Sequence[Post],
    changes: Sequence[Change],
    seen: Sequence[Sightings],
    ledger: LedgerContents,
    ticks: Sequence[SeenTick],
    judged_until_s: float,
    standstills: Sequence[Window],
) -> Invariant:
    """An order buys the first launch that passes after it rests, and has fired by the end of the run if there is one.

    Counted from when a client saw it rest, to when it was fired or had to be. Orders that were amended are left out,
    and those that were cancelled before the end; one that expired had to be fired a while before.
    """
    invariant = Invariant("the first launch that passes fires a sniper")
    amended = {change.order_id for change in changes if not change.is_cancel}
    cancelled_early = {change.order_id for change in changes if change.is_cancel and change.sent_at_s < judged_until_s}
    since = {sightings.order_id: sightings.open_since_s() for sightings in seen}
    opened = openings(ticks)
    opened_at = {opening.launch.token.symbol: opening.at_s for opening in opened}
    for post, order in posted_snipers(posts, ledger):
        from_s = since.get(order.order_id)
        if from_s is None or order.order_id in amended:
            continue
        if order.token_out:
            until_s = opened_at.get(order.token_out)
        elif order.order_id in cancelled_early or order.status == Status.FAILED:
            continue
        else:
            until_s = _fired_until_s(order, from_s, judged_until_s, standstills)
        if until_s is None:
            continue
        invariant.checked += 1
        invariant.violations += [
            f"{order.order_id} is {order.status} with {order.token_out or 'nothing'} bought, and passed over"
            f" {opening.launch.token.symbol}, which opened in slot {opening.launch.open_slot}"
            for opening in opened
            if from_s < opening.at_s < until_s and refusal(post.conditions, order.token_in, opening.launch) is None
        ]
    return invariant


def _fired_until_s(
    order: OrderRow, from_s: float, judged_until_s: float, standstills: Sequence[Window]
) -> float | None:
    """Return until when a launch had to fire an order that none has fired; None where that is not known."""
    if order.expires_at_s is None:
        return judged_until_s
    is_cut = any(window.overlap_s(from_s, order.expires_at_s) for window in standstills)
    return None if is_cut else min(judged_until_s, order.expires_at_s - BOUND_S)


def none_from_before(
    posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents, ticks: Sequence[SeenTick]
) -> Invariant:
    """An order that waits for any launch buys none that had opened before it was posted, or was given other filters."""
    invariant = Invariant("a sniper of any launch buys one that opens later")
    opened_at = {opening.launch.token.symbol: opening.at_s for opening in openings(ticks)}
    amends = amends_of(changes)
    fired_at = {event.order_id: event.sequence for event in reversed(ledger.events) if event.status == Status.TRIGGERED}
    for post, order in posted_snipers(posts, ledger):
        at_s = opened_at.get(order.token_out)
        if at_s is None or target_mint(post.conditions) is not None:
            continue
        invariant.checked += 1
        filters = post.conditions.get("filters", {})
        waits_since_s = max(
            post.posted_at,
            *(
                amend.sent_at_s
                for amend in amends[order.order_id]
                if amend.done is not None
                and int(amend.done.document["sequence"]) < fired_at.get(order.order_id, 0)
                and amend.fields.get("filters", filters) != filters
            ),
            0.0,
        )
        if at_s < waits_since_s - CLOCKS_DIFFER_S:
            invariant.violations.append(
                f"{order.order_id} has bought {order.token_out}, which opened {waits_since_s - at_s:.1f} s before it"
                " was asked for"
            )
    return invariant


def late_for_a_reason(posts: Sequence[Post], ticks: Sequence[SeenTick]) -> Invariant:
    """A launch is over, or trades, when an order that names it is refused for that."""
    opened_at = {opening.launch.token.mint: opening.at_s for opening in openings(ticks)}
    invariant = Invariant("an order is refused for its launch only when that has opened")
    for post in posts:
        if post.order_type != "sniper":
            continue
        invariant.checked += 1
        at_s = opened_at.get(target_mint(post.conditions) or "")
        if post.refused_at_s is None or at_s is None or "expires_at" in post.conditions:
            continue  # its tick was not read, or its time may have been over
        if post.refused_at_s < at_s - CLOCKS_DIFFER_S:
            invariant.violations.append(
                f"{post.identity} was refused {at_s - post.refused_at_s:.1f} s before the opening"
            )
    return invariant
