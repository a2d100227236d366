"""The table of an order's life: which status may follow which, and where an order waits meanwhile."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain import lifecycle
from orderflow.domain.lifecycle import (
    BEFORE,
    LIFECYCLE,
    STREAMS,
    TERMINAL,
    Row,
    check_transition,
    first_stream,
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


def test_the_table_has_a_row_for_each_status_and_two_of_them_are_ends() -> None:
    assert LIFECYCLE.keys() == set(Status)
    assert frozenset({Status.CONFIRMED, Status.FAILED}) == TERMINAL


def test_an_illegal_move_is_named() -> None:
    with pytest.raises(IllegalTransitionError, match="^submitted -> routing$"):
        check_transition(Status.SUBMITTED, Status.ROUTING)


def test_what_follows_a_status_of_newer_code_only_that_knows() -> None:
    with pytest.raises(UnknownStatusError, match="^the status of_newer_code is of newer code$"):
        check_transition(NEWER, Status.FAILED)


@given(st.lists(st.sampled_from(Status), max_size=50))
def test_whatever_is_asked_an_order_reaches_an_end_in_few_moves_and_stays_there(wishes: list[Status]) -> None:
    walked = [Status.PENDING]

    for wish in wishes:
        if may_follow(walked[-1], wish):
            walked.append(wish)

    assert len(walked) == len(set(walked)) < len(LIFECYCLE)
    assert not any(status in TERMINAL for status in walked[:-1])


def test_an_order_waits_at_a_stage_until_its_end_and_no_stage_is_there_twice() -> None:
    assert {status for status, row in LIFECYCLE.items() if not row.streams} == TERMINAL
    assert len(STREAMS) == sum(len(row.streams) for row in LIFECYCLE.values())


def test_an_order_goes_where_its_status_leads_but_the_venue_puts_it_on_the_stream_of_results() -> None:
    goes_to = {status: first_stream(status) for status in Status}

    waits_on = {status: row.streams[0] for status, row in LIFECYCLE.items() if row.streams and not row.at_venue}
    assert goes_to == dict.fromkeys(Status) | waits_on
    assert lifecycle.RESULT_STREAM == "confirm"


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
    [("route", False), ("build", False), ("submit", True), ("transactions", True), ("confirm", True)],
)
def test_a_submitted_order_may_be_at_the_venue_from_the_stage_on_that_submits_it(stream: str, may_be: bool) -> None:
    assert may_be_at_venue(Status.SUBMITTED, stream) == may_be
    assert not any(may_be_at_venue(status, stream) for status in Status if status is not Status.SUBMITTED)


def test_the_rows_of_the_release_before_are_those_that_were_recorded_of_it() -> None:
    """Fails when a changed row's former one is not put into BEFORE, or stays there after the next recording."""
    latest = read_recording(recordings()[-1]).followers

    rows = {status: BEFORE.get(Status(status), LIFECYCLE.get(Status(status), Row())) for status in latest}
    assert {status: sorted(row.followers) for status, row in rows.items()} == latest
    assert {Status(status) for status in latest} >= BEFORE.keys()


def test_the_table_is_in_the_order_in_which_an_order_goes_through_it() -> None:
    assert [LIFECYCLE[status].then for status in lifecycle.COURSE] == [*lifecycle.COURSE[1:], None]
    at = [STREAMS.index(stream) for row in LIFECYCLE.values() for stream in row.streams]

    assert all(one < other for one, other in pairwise(at))
