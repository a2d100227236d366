"""The table of which status may follow which."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.status import FOLLOWERS_BEFORE, TERMINAL, Status, check_transition
from orderflow.errors import IllegalTransitionError, UnknownStatusError
from tests.support.recorded import read_recording, recordings

# As DESIGN §2 has it: one stage after the other, and any of them may fail the order.
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


def may_follow(current: Status, following: Status) -> bool:
    try:
        check_transition(current, following)
    except IllegalTransitionError:
        return False
    return True


@pytest.mark.parametrize(("current", "following"), list(product(Status, Status)))
def test_of_all_pairs_only_the_legal_ones_may_follow_each_other(current: Status, following: Status) -> None:
    assert may_follow(current, following) == ((current.value, following.value) in LEGAL)


def test_there_are_six_statuses_and_two_of_them_are_ends() -> None:
    assert [status.value for status in Status] == [
        "pending",
        "routing",
        "building",
        "submitted",
        "confirmed",
        "failed",
    ]
    assert frozenset({Status.CONFIRMED, Status.FAILED}) == TERMINAL


def test_an_illegal_move_is_named() -> None:
    with pytest.raises(IllegalTransitionError, match="^submitted -> routing$"):
        check_transition(Status.SUBMITTED, Status.ROUTING)


def test_the_table_of_the_release_before_is_the_one_that_was_recorded_of_it() -> None:
    latest = read_recording(recordings()[-1]).followers

    assert {status: sorted(followers) for status, followers in FOLLOWERS_BEFORE.items()} == latest


def test_what_follows_a_status_of_newer_code_only_that_knows() -> None:
    with pytest.raises(UnknownStatusError, match="^the status simulating is of newer code$"):
        check_transition(Status("simulating"), Status.FAILED)


@given(st.lists(st.sampled_from(Status), max_size=50))
def test_whatever_is_asked_an_order_reaches_an_end_in_four_moves_at_most_and_stays_there(wishes: list[Status]) -> None:
    walked = [Status.PENDING]

    for wish in wishes:
        if may_follow(walked[-1], wish):
            walked.append(wish)

    assert len(walked) <= 5
    assert not any(status in TERMINAL for status in walked[:-1])
