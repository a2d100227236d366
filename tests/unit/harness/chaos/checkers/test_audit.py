"""chaos/checkers/audit.py: it must find every kind of violation in what a system holds, and none where all is well."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from orderflow.domain.execution import Execution
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Signature
from orderflow.domain.pools import AmmV4
from orderflow.domain.routing import Leg
from tests.harness.chaos.checkers import audit
from tests.harness.chaos.history.contents import EventRow, LedgerContents
from tests.harness.chaos.mock_market import ChainContents
from tests.support.chaos_evidence import (
    FIRST,
    REFUSED,
    REJECTED,
    SECOND,
    Doctor,
    dead_letter,
    good_run,
    nothing_left,
    with_order,
    without_order,
)
from tests.support.chaos_waiting import LIMIT, SOL, USDC, waiting_run

ALL = [FIRST, SECOND, REFUSED, REJECTED]
NUMBERS = list(range(1, len(COURSE) + 1))
LAST = NUMBERS[-1]
WITH_A_GAP = [*NUMBERS[:2], *NUMBERS[3:]]


def violations(ledger: LedgerContents, chain: ChainContents) -> list[str]:
    """Return what every check of ledger and chain together finds."""
    invariants = [
        audit.present(ALL, ledger),
        audit.ended(ledger),
        audit.histories(ledger),
        audit.executed_once(ledger),
        audit.as_on_chain(ledger, chain),
        audit.conserved(ledger, chain),
    ]
    return [violation for invariant in invariants for violation in invariant.violations]


def with_events(change: Callable[[Sequence[EventRow]], Sequence[EventRow]]) -> Doctor:
    """Return what changes the events of the first order."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        of_first = change([event for event in ledger.events if event.order_id == FIRST])
        others = [event for event in ledger.events if event.order_id != FIRST]
        return msgspec.structs.replace(ledger, events=[*of_first, *others])

    return doctor


def with_statuses(*statuses: str) -> Doctor:
    def rename(events: Sequence[EventRow]) -> Sequence[EventRow]:
        return [msgspec.structs.replace(event, status=status) for event, status in zip(events, statuses, strict=True)]

    return with_events(rename)


def test_nothing_is_found_where_all_is_well() -> None:
    ledger, chain = good_run()

    assert [order.status for order in ledger.orders] == ["confirmed", "confirmed", "failed", "failed"]
    assert len(chain.executions) == 3
    assert len(ledger.fills) > 1
    assert violations(ledger, chain) == []


@pytest.mark.parametrize(
    ("doctor", "found"),
    [
        (without_order(REJECTED), f"{REJECTED} was accepted and is not in the ledger"),
        (with_order(FIRST, status="submitted"), f"{FIRST} is submitted"),
        (without_order(FIRST), f"{FIRST} has events and is no order"),
        (with_events(lambda events: events[:-1]), f"{FIRST} is at {LAST} and has events {NUMBERS[:-1]}"),
        (
            with_events(lambda events: [*events[:2], *events[3:]]),
            f"{FIRST} is at {LAST} and has events {WITH_A_GAP}",
        ),
        (with_events(lambda events: [*events, events[-1]]), f"{FIRST} is at {LAST} and has events {[*NUMBERS, LAST]}"),
        (with_events(lambda _: []), f"{FIRST} is at {LAST} and has events []"),
        (
            with_statuses(*COURSE[1:], COURSE[-1]),
            f"{FIRST} begins with routing",
        ),
        (
            with_statuses(*COURSE[:2], COURSE[3], COURSE[2], *COURSE[4:]),
            f"{FIRST} went from {COURSE[1]} to {COURSE[3]}",
        ),
        (
            with_statuses(*COURSE[:-1], "failed"),
            f"{FIRST} is confirmed and its last event is failed",
        ),
        (
            with_events(lambda events: [msgspec.structs.replace(events[0], at_s=events[-1].at_s + 1), *events[1:]]),
            f"{FIRST} has events that step back in time",
        ),
    ],
)
def test_a_history_that_is_not_whole_legal_or_in_time_is_found(doctor: Doctor, found: str) -> None:
    ledger, chain = good_run()

    assert any(violation.startswith(found) for violation in violations(doctor(ledger), chain))


def test_a_failed_order_is_an_end_unless_all_should_be_confirmed() -> None:
    ledger, _ = good_run()

    assert audit.ended(ledger).violations == []
    assert [violation.split(" (")[0] for violation in audit.ended(ledger, all_confirmed=True).violations] == [
        f"{REFUSED} is failed",
        f"{REJECTED} is failed",
    ]


def test_a_signature_of_two_orders_is_found() -> None:
    ledger, _ = good_run()
    signature = ledger.orders[0].tx_hash

    found = audit.executed_once(with_order(SECOND, tx_hash=signature)(ledger)).violations

    assert f"{signature} is the signature of 2 orders" in found


def test_a_leg_that_is_there_twice_is_found() -> None:
    ledger, _ = good_run()
    doubled = msgspec.structs.replace(ledger, fills=[*ledger.fills, ledger.fills[0]])

    assert audit.executed_once(doubled).violations == [f"{FIRST} has leg 1 2 times"]


def test_fills_of_an_order_that_is_not_confirmed_are_found() -> None:
    ledger, _ = good_run()

    found = audit.executed_once(with_order(FIRST, status="failed")(ledger)).violations

    assert found
    assert all("is failed with signature" in violation for violation in found)


@pytest.mark.parametrize(
    ("doctor", "found"),
    [
        (without_order(FIRST), "belongs to no order in the ledger"),
        (with_order(FIRST, status="failed", reason="Gave up"), "is failed (Gave up) and its swap was executed"),
        (with_order(REFUSED, status="confirmed"), "is confirmed, but on chain: Price moved"),
        (lambda ledger: msgspec.structs.replace(ledger, fills=ledger.fills[1:]), "on chain [("),
    ],
)
def test_a_ledger_that_contradicts_the_chain_is_found(doctor: Doctor, found: str) -> None:
    ledger, chain = good_run()

    [violation] = audit.as_on_chain(doctor(ledger), chain).violations

    assert found in violation


def test_an_order_that_waits_is_in_order_with_fills_of_several_signatures() -> None:
    ledger, chain = waiting_run(), on_chain({"tx-1": 4, "tx-2": 6})

    for invariant in (audit.histories(ledger), audit.ended(ledger), audit.executed_once(ledger)):
        assert invariant.violations == []
    assert audit.as_on_chain(ledger, chain).violations == []


def test_a_part_that_the_ledger_or_the_chain_does_not_know_of_is_found() -> None:
    ledger = waiting_run()
    lost = msgspec.structs.replace(ledger, fills=ledger.fills[1:])

    assert audit.as_on_chain(lost, on_chain({"tx-1": 4})).violations == [
        "tx-1 was executed and belongs to no order in the ledger"
    ]
    assert len(audit.as_on_chain(ledger, on_chain({"tx-1": 5})).violations) == 1
    [found] = audit.as_on_chain(ledger, refused("tx-1")).violations
    assert found == f"{LIMIT} is confirmed, but on chain: Price moved"


def test_an_attempt_that_was_refused_may_be_of_an_order_that_has_gone_on_without_it() -> None:
    assert audit.as_on_chain(waiting_run(), refused("tx-0")).violations == []


def on_chain(sold: dict[str, int]) -> ChainContents:
    """Return a chain on which the limit's transactions have sold so many SOL each."""
    paid = {"tx-1": 820 * USDC, "tx-2": 1_280 * USDC}
    executions = {
        tx: Execution(
            Signature(tx), 7, paid[tx], (Leg("v", "pool", 10_000, "SOL", "USDC", amount * SOL, paid[tx], 0, "SOL"),)
        )
        for tx, amount in sold.items()
    }
    return ChainContents(executions, {}, {}, {})


def refused(tx_hash: str) -> ChainContents:
    return ChainContents({tx_hash: Execution(Signature(tx_hash), 7, error="Price moved")}, {}, {}, {})


def test_an_atom_too_many_in_a_pool_is_found() -> None:
    ledger, chain = good_run()
    pool = next(pool for pool in chain.pools.values() if isinstance(pool, AmmV4))
    richer = msgspec.structs.replace(pool, reserve_a=pool.reserve_a + 1)
    doctored = msgspec.structs.replace(chain, pools=chain.pools | {pool.pool: richer})

    [violation] = audit.conserved(ledger, doctored).violations

    assert violation.startswith(f"{pool.pool} {pool.token_a}: the vault changed by")


def test_a_fill_that_no_pool_knows_of_is_found() -> None:
    ledger, chain = good_run()
    more = msgspec.structs.replace(ledger.fills[0], leg=99, amount_in=7, amount_out=5)

    found = audit.conserved(msgspec.structs.replace(ledger, fills=[*ledger.fills, more]), chain).violations

    assert len(found) == 2


def test_what_still_waits_is_found() -> None:
    leftovers = nothing_left(lengths={"{p0}:route": 0, "{p0}:status": 3, "{chain}:timers": 1})

    assert audit.emptied(leftovers).violations == ["{p0}:status still holds 3", "{chain}:timers still holds 1"]
    assert audit.emptied(nothing_left()).violations == []


def test_a_dead_letter_is_accounted_for_when_its_order_has_ended() -> None:
    ledger, _ = good_run()
    under_way = with_order(SECOND, status="routing")(ledger)

    found = audit.dead_letters_accounted_for(
        nothing_left(dead_letters=[dead_letter(FIRST), dead_letter(SECOND), dead_letter("")]), under_way
    )

    assert found.checked == 3
    assert [violation.split(" ")[0] for violation in found.violations] == [SECOND, "?"]


def test_an_order_that_has_ended_and_never_expires_is_found() -> None:
    ledger, _ = good_run()
    under_way = with_order(SECOND, status="routing")(ledger)

    found = audit.expire_after_recording(nothing_left(lasting=[FIRST, SECOND]), under_way)

    assert found.violations == [f"{FIRST} is confirmed and stays in Redis"]
