"""The end of a run: waits until nothing moves any more, gathers what is left, and has it judged."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orderflow.errors import RejectedError
from orderflow.event_source.redrive import DeadLetterBox
from orderflow.venues.mock.latency import Latency
from tests.harness.chaos import audit, client_audit, report, stalls
from tests.harness.chaos.evidence import (
    ChainContents,
    LedgerContents,
    Leftovers,
    read_chain,
    read_ended,
    read_ledger,
    read_leftovers,
    read_lengths,
)
from tests.harness.chaos.load import Load
from tests.harness.chaos.orders import Post
from tests.harness.chaos.report import Report
from tests.harness.chaos.stalls import Window
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.watchers import Sightings, Watchers

DRAIN_S = 60.0
WATCH_S = 15.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is known at the end. `drained_s` is how long it took to come to rest, None where it did not."""

    ledger: LedgerContents
    chain: ChainContents
    leftovers: Leftovers
    posts: Sequence[Post]
    seen: Sequence[Sightings]
    answers: Counter[str]
    reconnections: int
    redriven: int
    drained_s: float | None


async def quiet(subject: SystemUnderTest, load: Load, watchers: Watchers) -> Evidence:
    """Wait until all orders have ended and everything is empty, dead letters redriven, and gather the evidence."""
    started = time.monotonic()
    await _until(lambda: _is_empty(subject))
    redriven = await asyncio.to_thread(_redrive_all, subject)
    drained = await _until(lambda: _is_empty(subject) and _has_ended(subject, load.posts))
    drained_s = time.monotonic() - started if drained else None
    await load.repeat_all()
    until = time.monotonic() + WATCH_S
    while not watchers.satisfied and time.monotonic() < until:
        await asyncio.sleep(POLL_S)
    state = subject.system.state
    ledger = await asyncio.to_thread(read_ledger, str(state["database_url"]))
    with subject.redis() as client:
        chain = read_chain(client)
        leftovers = read_leftovers(client, int(state["partitions"]))
    reconnections = sum(watcher.reconnections for watcher in watchers.all)
    return Evidence(
        ledger, chain, leftovers, load.posts, watchers.seen, load.answers, reconnections, redriven, drained_s
    )


async def _until(condition: Callable[[], bool]) -> bool:
    """Wait until everything has come to rest; False when it did not in time."""
    until = time.monotonic() + DRAIN_S
    while time.monotonic() < until:
        if await asyncio.to_thread(condition):
            return True
        await asyncio.sleep(POLL_S)
    return False


def _redrive_all(subject: SystemUnderTest) -> int:
    """Send every dead letter on its way again whose order has not ended; return how many those were."""
    redriven = 0
    with subject.redis() as client:
        box = DeadLetterBox(client, int(subject.system.state["partitions"]))
        for letter in list(box.letters()):
            with suppress(RejectedError):
                box.redrive(letter)
                redriven += 1
    return redriven


def _is_empty(subject: SystemUnderTest) -> bool:
    with subject.redis() as client:
        return not any(read_lengths(client, int(subject.system.state["partitions"])).values())


def _has_ended(subject: SystemUnderTest, posts: Sequence[Post]) -> bool:
    ended = read_ended(str(subject.system.state["database_url"]))
    return all(post.order_ids <= ended for post in posts)


def judge(
    into: Report, evidence: Evidence, speed: float, standstills: Sequence[Window], wrong_clocks: Sequence[Window]
) -> None:
    """Hold every promise against the evidence."""
    ledger, chain, leftovers = evidence.ledger, evidence.chain, evidence.leftovers
    accepted = [order_id for post in evidence.posts for order_id in post.order_ids]
    delay_s = stalls.simulated_delay_s(Latency(seed=1, speed=speed))
    into.promises += [
        report.injected(into.happened),
        report.recovered(into.happened),
        audit.Check("the runner stays", 1, into.runner_deaths),
        client_audit.answered(evidence.posts),
        audit.present(accepted, ledger),
        client_audit.posted_once(evidence.posts, ledger),
        audit.ended(ledger),
        audit.histories(ledger),
        audit.executed_once(ledger),
        audit.as_on_chain(ledger, chain),
        audit.conserved(ledger, chain),
        client_audit.told(evidence.seen, ledger),
        stalls.no_stalls(ledger, delay_s, standstills, wrong_clocks),
        audit.emptied(leftovers),
        audit.dead_letters_accounted_for(leftovers, ledger),
        audit.expire_after_recording(leftovers, ledger),
    ]
    letters = Counter(letter.function for letter in leftovers.dead_letters)
    statuses = Counter(order.status for order in ledger.orders)
    reasons = Counter(
        (order.reason or "").partition(":")[0][:60] for order in ledger.orders if order.status == "failed"
    )
    into.counts |= {
        "orders": f"{len(evidence.posts)} posted, {len(accepted)} accepted, {dict(statuses)}",
        "answers": dict(evidence.answers),
        "failed because": dict(reasons),
        "dead letters": f"{dict(letters)}, {evidence.redriven} others redriven",
        "sockets": f"{evidence.reconnections} reconnections, {client_audit.repeats(evidence.seen)} statuses repeated",
        "drained after": "never" if evidence.drained_s is None else f"{evidence.drained_s:.1f} s",
    }
