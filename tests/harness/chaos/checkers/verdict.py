"""All invariants of a run: what was observed in, the report's table of them and its counts out."""

from collections import Counter
from collections.abc import Sequence

from tests.harness.chaos.checkers import (
    accounts,
    amounts,
    audit,
    changes,
    client_audit,
    exits,
    launches,
    limits,
    recovery,
    resting,
    snipes,
    stalls,
)
from tests.harness.chaos.checkers.drain import Drained
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.evidence import Evidence
from tests.harness.chaos.history.fault_record import FaultRecord, Window
from tests.harness.chaos.mock_market import DelayS


def check_all(
    evidence: Evidence,
    faults: Sequence[FaultRecord],
    runner_deaths: list[str],
    delay_s: DelayS,
    standstills: Sequence[Window],
    wrong_clocks: Sequence[Window],
) -> list[Invariant]:
    """Return every invariant with its violations, in the order in which the report lists them."""
    ledger, chain, leftovers = evidence.ledger, evidence.chain, evidence.leftovers
    accepted = [order_id for post in evidence.posts for order_id in post.order_ids]
    return [
        recovery.injected(faults),
        recovery.recovered(faults),
        Invariant("the runner stays", 1, runner_deaths),
        client_audit.answered(evidence.posts),
        changes.answered(evidence.changes),
        audit.present(accepted, ledger),
        client_audit.posted_once(evidence.posts, evidence.changes, ledger),
        audit.ended(ledger),
        audit.histories(ledger),
        audit.executed_once(ledger),
        audit.as_on_chain(ledger, chain),
        audit.conserved(ledger, chain),
        amounts.filled_within_amount(ledger),
        amounts.one_leg_fires(evidence.posts, ledger),
        amounts.slices_within_parent(ledger),
        amounts.exits_sell_what_was_received(evidence.posts, ledger),
        limits.limits_kept(evidence.posts, evidence.changes, ledger),
        limits.minimums_kept(ledger),
        limits.expiry_as_asked(evidence.posts, evidence.changes, ledger),
        limits.nothing_after_expiry(ledger, chain, evidence.ticks, wrong_clocks),
        limits.fired_as_asked(evidence.posts, evidence.changes, ledger),
        resting.touched_stops_fired(
            evidence.posts, evidence.changes, evidence.seen, ledger, evidence.ticks, evidence.judged_until_s
        ),
        *_of_launches(evidence, standstills),
        changes.cancels_kept(evidence.changes, ledger, chain.launches),
        changes.amends_kept(evidence.changes, ledger),
        client_audit.seen_in_order(evidence.seen, ledger),
        client_audit.seen_as_recorded(evidence.seen, ledger),
        *_of_accounts(evidence),
        stalls.no_stalls(ledger, delay_s, standstills, wrong_clocks),
        stalls.expired_in_time(ledger, standstills, wrong_clocks),
        audit.emptied(leftovers),
        resting.no_place_is_left(leftovers, ledger),
        audit.dead_letters_accounted_for(leftovers, ledger),
        audit.expire_after_recording(leftovers, ledger),
    ]


def _of_accounts(evidence: Evidence) -> list[Invariant]:
    """Return the invariants of what accounts own, and of what they see of it."""
    return [
        accounts.owned_as_posted(evidence.posts, evidence.ledger, evidence.leftovers),
        accounts.hidden_from_others(evidence.views),
        accounts.listed(evidence.views, evidence.ledger),
        accounts.followed(evidence.views, evidence.ledger),
    ]


def _of_launches(evidence: Evidence, standstills: Sequence[Window]) -> list[Invariant]:
    """Return the invariants of orders that wait for launches."""
    ledger, chain, posts, changed = evidence.ledger, evidence.chain, evidence.posts, evidence.changes
    return [
        snipes.bought_once(ledger, chain),
        snipes.bought_what_was_asked(posts, changed, ledger, chain),
        snipes.slots_counted(ledger, chain),
        snipes.tried_no_more(ledger),
        snipes.slippage_kept(posts, changed, ledger),
        launches.none_passed_over(
            posts, changed, evidence.seen, ledger, evidence.ticks, evidence.judged_until_s, standstills
        ),
        launches.none_from_before(posts, changed, ledger, evidence.ticks),
        launches.late_for_a_reason(posts, evidence.ticks),
        exits.exits_fired_as_asked(posts, changed, ledger, chain),
        exits.sold_within_bought(ledger, chain),
    ]


def count_all(evidence: Evidence, drained: Drained) -> dict[str, object]:
    """Return how much of everything there was, in words."""
    accepted = sum(len(post.order_ids) for post in evidence.posts)
    letters = Counter(letter.function for letter in evidence.leftovers.dead_letters)
    orders = evidence.ledger.orders
    statuses = Counter(order.status for order in orders)
    types = Counter(post.order_type for post in evidence.posts)
    asked = Counter("cancels" if change.is_cancel else "amends" for change in evidence.changes)
    snipers = Counter(order.status for order in snipes.snipers(evidence.ledger))
    late = Counter(order.slots_from_open for order in orders if order.slots_from_open is not None)
    unknown = sum(change.is_unknown for change in evidence.changes)
    reasons = Counter((order.reason or "").partition(":")[0][:60] for order in orders if order.status == "failed")
    return {
        "orders": f"{len(evidence.posts)} posted, {accepted} accepted, {dict(statuses)}",
        "types": dict(types),
        "changes": f"{dict(asked)}, {unknown} without an answer; {len(evidence.ticks)} ticks read",
        "launches": f"{len(evidence.chain.launches)} announced, {len(launches.openings(evidence.ticks))} seen to open",
        "snipers": f"{dict(snipers)}, after {dict(sorted(late.items()))} slots",
        "answers": dict(evidence.answers),
        "failed because": dict(reasons),
        "dead letters": f"{dict(letters)}, {drained.redriven} others redriven",
        "sockets": f"{evidence.reconnections} reconnections, {client_audit.repeats(evidence.seen)} statuses repeated",
        "accounts": accounts.count(evidence.views, evidence.ledger),
        "drained after": "never" if drained.after_s is None else f"{drained.after_s:.1f} s",
    }
