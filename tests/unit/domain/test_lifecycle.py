"""The table of an order's life: which status may follow which, and where an order waits meanwhile."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain import lifecycle
from orderflow.domain.lifecycle import (
    BEFORE,
    COURSE,
    EXPIRED_STREAM,
    LIFECYCLE,
    SLICE_ENDED,
    SNIPING,
    STREAMS,
    TERMINAL,
    Row,
    check_transition,
    first_stream,
    followers,
    may_be_at_venue,
    stream_after,
)
from orderflow.domain.status import Status
from orderflow.errors import IllegalTransitionError, UnknownStatusError
from tests.support.recorded import read_recording, recordings

# Written out, as what clients of the API may rely on: one stage after the other, and any of them may fail the order.
LEGAL = {
    ("pending", "routing"),
    ("routing", "building"),
    ("building", "submitted"),
    ("submitted", "confirmed"),
    ("pending", "failed"),
    ("routing", "failed"),
    ("building", "failed"),
    ("submitted", "failed"),
    # Any order may be taken back before its transaction is out, and after that where it is refused.
    ("pending", "cancelled"),
    ("routing", "cancelled"),
    ("building", "cancelled"),
    ("submitted", "cancelled"),
    ("pending", "expired"),
    ("routing", "expired"),
    ("building", "expired"),
    ("submitted", "expired"),
    # One that waits rests first. While it rests it may be amended, and slices of it may be executed.
    ("pending", "open"),
    ("open", "open"),
    ("open", "partially_filled"),
    ("open", "confirmed"),
    ("open", "failed"),
    ("open", "cancelled"),
    ("open", "expired"),
    ("partially_filled", "open"),
    ("partially_filled", "partially_filled"),
    ("partially_filled", "confirmed"),
    ("partially_filled", "failed"),
    ("partially_filled", "cancelled"),
    ("partially_filled", "expired"),
    # It is fired, and executed as any order is; a part of it where only that fits.
    ("open", "triggered"),
    ("partially_filled", "triggered"),
    ("triggered", "routing"),
    ("triggered", "failed"),
    ("triggered", "cancelled"),
    ("triggered", "expired"),
    ("submitted", "partially_filled"),
    # One that is refused on its way rests again, or goes again at once.
    ("triggered", "open"),
    ("routing", "open"),
    ("building", "open"),
    ("submitted", "open"),
    ("triggered", "triggered"),
    ("routing", "triggered"),
    ("building", "triggered"),
    ("submitted", "triggered"),
}
NEWER = Status("of_newer_code")


def may_follow(current: Status, following: Status) -> bool:
    try:
        check_transition(current, following)
    except IllegalTransitionError:
        return False
    return True


@pytest.mark.parametrize(("current", "following"), list(product(Status, Status)))
def test_of_all_pairs_only_the_legal_ones_may_follow_each_other(current: Status, following: Status) -> None:
    assert may_follow(current, following) == ((current.value, following.value) in LEGAL)


def test_the_table_has_a_row_for_each_status_and_four_of_them_are_ends() -> None:
    assert LIFECYCLE.keys() == set(Status)
    assert frozenset({Status.CONFIRMED, Status.FAILED, Status.CANCELLED, Status.EXPIRED}) == TERMINAL


def test_an_illegal_move_is_named() -> None:
    with pytest.raises(IllegalTransitionError, match="^submitted -> routing$"):
        check_transition(Status.SUBMITTED, Status.ROUTING)


def test_what_follows_a_status_of_newer_code_only_that_knows() -> None:
    with pytest.raises(UnknownStatusError, match="^the status of_newer_code is of newer code$"):
        check_transition(NEWER, Status.FAILED)


def moves(wishes: list[Status]) -> list[Status]:
    """Return the statuses that an order has had after it was asked for each of some steps."""
    walked = [Status.PENDING]
    for wish in wishes:
        if may_follow(walked[-1], wish):
            walked.append(wish)
    return walked


@given(st.lists(st.sampled_from(Status), max_size=50))
def test_whatever_is_asked_an_order_that_has_ended_stays_and_any_other_may_be_ended(wishes: list[Status]) -> None:
    walked = moves(wishes)

    assert not any(status in TERMINAL for status in walked[:-1])
    assert walked[-1] in TERMINAL or {Status.FAILED, Status.CANCELLED, Status.EXPIRED} <= followers(walked[-1])


@given(st.lists(st.sampled_from([*COURSE, Status.FAILED, Status.CANCELLED, Status.EXPIRED]), max_size=50))
def test_an_order_that_never_rests_reaches_an_end_in_few_moves(wishes: list[Status]) -> None:
    walked = moves(wishes)

    assert len(walked) == len(set(walked)) <= len(COURSE)


def test_an_order_waits_at_a_stage_until_its_end_and_none_of_a_market_order_is_there_twice() -> None:
    assert {status for status, row in LIFECYCLE.items() if not row.streams} == TERMINAL
    way = [stream for status in COURSE for stream in LIFECYCLE[status].streams]
    assert len(way) == len(set(way))
    assert set(STREAMS) == {*way, *(row.waiting for row in LIFECYCLE.values() if row.waiting), *SNIPING}


def test_an_order_goes_where_its_status_leads_but_the_venue_puts_it_on_the_stream_of_results() -> None:
    goes_to = {status: first_stream(status) for status in Status}

    waits_on = {status: row.streams[0] for status, row in LIFECYCLE.items() if row.streams and not row.at_venue}
    assert goes_to == dict.fromkeys(Status) | waits_on
    assert lifecycle.RESULT_STREAM == "confirm"


def test_an_order_that_waits_begins_where_it_comes_to_rest_and_is_executed_as_any_other() -> None:
    goes_to = {status: first_stream(status, waits=True) for status in Status}

    assert goes_to == {status: first_stream(status) for status in Status} | {Status.PENDING: "open"}
    assert (goes_to[Status.OPEN], goes_to[Status.PARTIALLY_FILLED]) == ("open", "open")
    assert goes_to[Status.TRIGGERED] == first_stream(Status.PENDING)


def test_a_stage_passes_an_order_on_with_the_status_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIFECYCLE, Status.ROUTING, Row(("check", "price", "build"), Status.BUILDING))

    assert first_stream(Status.ROUTING) == "check"
    assert [stream_after(stream, Status.ROUTING) for stream in ("check", "price")] == ["price", "build"]


def test_the_last_stage_of_a_status_has_to_give_an_order_another_one() -> None:
    with pytest.raises(IllegalTransitionError, match="^no stage follows build while an order is routing$"):
        stream_after("build", Status.ROUTING)


def test_a_stage_that_was_removed_passes_on_the_orders_that_are_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIFECYCLE, Status.ROUTING, Row(("build",), Status.BUILDING))
    monkeypatch.setitem(BEFORE, Status.ROUTING, Row(("check", "build"), Status.BUILDING))

    assert first_stream(Status.ROUTING) == "build"
    assert stream_after("check", Status.ROUTING) == "build"


@pytest.mark.parametrize(
    ("stream", "may_be"),
    [
        ("open", False),
        ("route", False),
        ("build", False),
        ("submit", True),
        ("transactions", True),
        ("confirm", True),
        (EXPIRED_STREAM, False),
        (SLICE_ENDED, False),
        ("snipe", True),
    ],
)
def test_a_submitted_order_may_be_at_the_venue_from_the_stage_on_that_submits_it(stream: str, may_be: bool) -> None:
    assert may_be_at_venue(Status.SUBMITTED, stream) == may_be
    assert not any(may_be_at_venue(status, stream) for status in Status if status is not Status.SUBMITTED)


RECORDED = {Status(status): frozenset(after) for status, after in read_recording(recordings()[-1]).followers.items()}
"""What followed each status in the release before."""


def test_what_could_follow_in_the_release_before_still_may() -> None:
    """Fails when a row from which something was taken is not kept in BEFORE; what is new concerns no order of it."""
    assert {status: after - followers(status) for status, after in RECORDED.items()} == dict.fromkeys(
        RECORDED, frozenset()
    )


def test_kept_of_the_release_before_are_only_its_rows_of_which_something_is_gone() -> None:
    """Fails when a row of BEFORE is not as it was recorded, or stays there after the next recording."""
    assert {status: row.followers for status, row in BEFORE.items()} == {status: RECORDED[status] for status in BEFORE}
    now = {status: LIFECYCLE.get(status, Row()) for status in BEFORE}
    assert [
        status
        for status, row in BEFORE.items()
        if row.followers <= now[status].followers and set(row.streams) <= set(now[status].streams)
    ] == []


def test_the_course_is_in_the_order_in_which_an_order_goes_through_it() -> None:
    assert [LIFECYCLE[status].then for status in COURSE] == [*COURSE[1:], None]
    at = [STREAMS.index(stream) for status in COURSE for stream in LIFECYCLE[status].streams]

    assert all(one < other for one, other in pairwise(at))
