"""chaos/checkers/amounts.py: an order filled beyond its amount, or that has made another than it says, is found."""

import msgspec
import pytest

from tests.harness.chaos.checkers import amounts
from tests.harness.chaos.history.contents import LedgerContents
from tests.support.chaos_evidence import Doctor, good_run, with_order, without_order
from tests.support.chaos_waiting import (
    BRACKET,
    EXITS,
    LAST_SLICE,
    LIMIT,
    LOST_SLICE,
    OCO,
    SOL,
    STOP,
    TWAP,
    posts,
    waiting_run,
    with_fill,
)


def violations(ledger: LedgerContents) -> list[str]:
    """Return what all checks of amounts find."""
    return [
        violation
        for invariant in (
            amounts.filled_within_amount(ledger),
            amounts.one_leg_fires(posts(), ledger),
            amounts.slices_within_parent(ledger),
            amounts.exits_sell_what_was_received(posts(), ledger),
        )
        for violation in invariant.violations
    ]


def test_nothing_is_found_where_all_is_well() -> None:
    ledger = waiting_run()

    assert violations(ledger) == []
    assert violations(good_run()[0]) == []
    assert amounts.one_leg_fires(posts(), ledger).checked == 2
    assert amounts.slices_within_parent(ledger).checked == 1
    assert amounts.exits_sell_what_was_received(posts(), ledger).checked == 1


@pytest.mark.parametrize(
    ("doctor", "found"),
    [
        (with_fill(LIMIT, amount_in=7 * SOL), f"{LIMIT} is over {10 * SOL} and has fills of {11 * SOL}"),
        (with_fill(LIMIT, amount_in=5 * SOL), f"{LIMIT} is confirmed over {10 * SOL} with fills of {9 * SOL}"),
        (with_fill(LIMIT, amount_out=1), f"{LIMIT} says that it has received"),
        (with_order(STOP, amount_filled=1), f"{STOP} says that 1 are filled and has fills of 0"),
        (with_fill(OCO, now_of=STOP), f"{STOP} is over {2 * SOL} and has fills of {3 * SOL}"),
        (with_order(LOST_SLICE, slice=4), f"{TWAP} has the slices [1, 3, 4]"),
        (with_order(LOST_SLICE, parent_id=LIMIT), f"{LIMIT} has slices and is no twap"),
        (with_order(LOST_SLICE, status="confirmed"), f"{TWAP} is over {9 * SOL}, says that {9 * SOL} are filled, and"),
        (with_order(LAST_SLICE, status="failed"), f"{TWAP} is confirmed over {9 * SOL} with slices of {3 * SOL}"),
        (with_order(LAST_SLICE, amount_out=1), f"{TWAP} says that it has received"),
        (with_order(EXITS, amount_in=SOL - 1), f"{BRACKET} is confirmed, has received {SOL} and made [('oco',"),
        (with_order(EXITS, order_type="stop_loss"), f"{BRACKET} is confirmed, has received {SOL} and made [('stop"),
        (without_order(EXITS), f"{BRACKET} is confirmed, has received {SOL} and made []"),
        (with_order(BRACKET, status="failed"), f"{BRACKET} is failed, has received {SOL} and made [('oco',"),
        (with_order(EXITS, parent_id=LIMIT), f"{LIMIT} has a child that nobody asked for"),
    ],
)
def test_an_amount_that_is_not_what_it_should_be_is_found(doctor: Doctor, found: str) -> None:
    assert any(violation.startswith(found) for violation in violations(doctor(waiting_run())))


def test_an_oco_of_which_both_legs_were_executed_is_found() -> None:
    ledger = waiting_run()
    [fill] = [fill for fill in ledger.fills if fill.order_id == OCO]
    halves = [msgspec.structs.replace(fill, amount_in=fill.amount_in // 2, tx_hash=tx) for tx in ("tx-3", "tx-7")]
    twice = msgspec.structs.replace(ledger, fills=[*ledger.fills[:2], *halves, *ledger.fills[3:]])

    assert amounts.one_leg_fires(posts(), twice).violations == [f"{OCO} was filled by 2 transactions"]
