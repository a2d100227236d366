"""chaos/checkers/launches.py: a launch that should have fired an order, and did not, is found."""

import pytest

from tests.harness.chaos.checkers import launches
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.contents import LedgerContents
from tests.harness.chaos.history.fault_record import Window
from tests.harness.chaos.history.posts import Post
from tests.support.chaos_evidence import with_order
from tests.support.chaos_launches import (
    ANY,
    EXPIRES_S,
    FIRST,
    LAST,
    LATE,
    MINT,
    OPENED_S,
    RESTED,
    SECOND,
    launching_run,
    posts,
    seen,
    ticks,
)
from tests.support.chaos_waiting import JUDGED_UNTIL_S, NOW_S


def passed_over(ledger: LedgerContents, made: list[Post] | None = None, *changes: Change) -> list[str]:
    found = launches.none_passed_over(made or posts(), changes, seen(), ledger, ticks(), JUDGED_UNTIL_S, [])
    return found.violations


def asking(order_id: str, **conditions: object) -> list[Post]:
    """Return the posts, of which one asks for something else."""
    made = posts()
    for post in made:
        if order_id in post.order_ids:
            post.conditions = {**post.conditions, **conditions}
    return made


def test_nothing_is_found_where_all_is_well() -> None:
    ledger = launching_run()

    assert passed_over(ledger) == []
    found = launches.none_passed_over(posts(), [], seen(), ledger, ticks(), JUDGED_UNTIL_S, [])
    assert found.checked == 4


def test_an_order_that_rested_while_what_it_waits_for_opened_is_found() -> None:
    made = asking(RESTED, filters={"freezable": False})

    assert passed_over(launching_run(), made) == [
        f"{RESTED} is cancelled with nothing bought, and passed over YETI50, which opened in slot {LAST.open_slot}"
    ]
    # Cancelled before the end, or amended.
    assert passed_over(launching_run(), made, Change(RESTED, {}, NOW_S)) == []
    assert passed_over(launching_run(), made, Change(RESTED, {"amount": "1"}, NOW_S)) == []
    assert len(passed_over(launching_run(), made, Change(RESTED, {}, JUDGED_UNTIL_S + 1))) == 1


def test_an_order_that_took_a_later_launch_than_the_first_that_passes_is_found() -> None:
    [found] = passed_over(launching_run(), asking(ANY, filters={}))

    assert found == (
        f"{ANY} is confirmed with UFO25 bought, and passed over APE0, which opened in slot {FIRST.open_slot}"
    )


@pytest.mark.parametrize(("expires_s", "count"), [(EXPIRES_S, 1), (OPENED_S[LAST.open_slot] + 9.9, 0)])
def test_an_order_that_expired_long_after_its_launch_is_found(expires_s: float, count: int) -> None:
    ledger = with_order(LATE, expires_at_s=expires_s)(launching_run())
    made = asking(LATE, target={"mint": LAST.token.mint})

    assert len(passed_over(ledger, made)) == count
    down = [Window(NOW_S, NOW_S + 1)]
    assert launches.none_passed_over(made, [], seen(), ledger, ticks(), JUDGED_UNTIL_S, down).violations == []


def test_a_launch_before_the_order_rested_or_one_whose_tick_was_missed_says_nothing() -> None:
    made = asking(RESTED, filters={"freezable": False})
    missed = ticks(FIRST, SECOND)

    def found(rested_from_s: float, seen_ticks: object = None) -> int:
        sightings = seen()
        for each in sightings:
            each.first_seen_s = dict.fromkeys(each.first_seen_s, rested_from_s)
        read = missed if seen_ticks else ticks()
        ledger = launching_run()
        return len(launches.none_passed_over(made, [], sightings, ledger, read, JUDGED_UNTIL_S, []).violations)

    assert found(OPENED_S[LAST.open_slot] + 1) == 0
    assert found(NOW_S, missed) == 0
    assert found(NOW_S) == 1


def test_a_launch_that_had_opened_before_it_was_asked_for_is_found() -> None:
    opened_s = OPENED_S[SECOND.open_slot]

    def found(posted_at: float, *changes: Change) -> list[str]:
        made = posts()
        for post in made:
            post.posted_at = posted_at
        return launches.none_from_before(made, changes, launching_run(), ticks()).violations

    def filtered(sequence: int, sent_at_s: float = opened_s + 1, **filters: object) -> Change:
        return Change(ANY, {"filters": filters}, sent_at_s, [ChangeAnswer(200, {"sequence": sequence}, NOW_S)])

    asked = posts()[0].conditions["filters"]
    assert isinstance(asked, dict)
    assert launches.none_from_before(posts(), [], launching_run(), ticks()).checked == 1
    assert found(opened_s) == []
    assert found(opened_s + 1) == [f"{ANY} has bought UFO25, which opened 1.0 s before it was asked for"]
    assert len(found(NOW_S, filtered(2))) == 1
    assert found(NOW_S, filtered(2, opened_s)) == []
    assert found(NOW_S, filtered(2, **asked)) == []
    assert found(NOW_S, filtered(4)) == []
    assert found(NOW_S, Change(ANY, {"amount": "1"}, opened_s + 1, filtered(2).answers)) == []
    assert found(NOW_S, Change(ANY, {"filters": {}}, opened_s + 1)) == []


@pytest.mark.parametrize(
    ("refused_at_s", "mint", "count"),
    [
        (OPENED_S[40], FIRST.token.mint, 0),
        (OPENED_S[40] - 0.2, FIRST.token.mint, 1),
        (OPENED_S[40] - 0.2, "of a token whose tick was missed", 0),
    ],
)
def test_a_refusal_before_the_opening_is_found(refused_at_s: float, mint: str, count: int) -> None:
    made = asking(MINT, target={"mint": mint})
    [post] = [post for post in made if MINT in post.order_ids]
    post.refused_at_s = refused_at_s

    assert len(launches.late_for_a_reason(made, ticks()).violations) == count
    assert launches.late_for_a_reason(posts(), ticks()).checked == 5
