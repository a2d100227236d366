"""How late orders fired, by what was seen of the market and when each of them did."""

import pytest

from tests.harness.bench.triggering import first_of_run, lateness

BLOCKS = [(1_000.0, 10), (1_040.0, 11), (1_045.0, 11), (1_080.0, 12), (1_120.0, 13)]
"""When each block was seen, and its slot; the third is of transactions alone."""


@pytest.mark.parametrize(
    ("could", "fired", "since"),
    [
        ("...yy", 4, 3),
        ("..yyy", 4, 2),
        ("yyyyy", 4, 0),
        ("yy.yy", 4, 3),
        ("..y..", 3, 2),
        ("yy...", 4, 0),
        (".....", 3, 3),
    ],
)
def test_an_order_could_be_executed_since_the_beginning_of_the_run_in_which_it_fired(
    could: str, fired: int, since: int
) -> None:
    assert first_of_run([block == "y" for block in could], fired) == since


def test_how_late_an_order_was_counts_from_the_block_from_which_on_it_could_go() -> None:
    could = [[False, False], [True, False], [True, True], [True, True], [True, True]]

    late = lateness(BLOCKS, could, [1_050.0, 1_130.0])

    assert late.slots == [0, 2]
    assert late.ms == [10.0, 85.0]
    assert (late.never, late.blocks) == (0, 5)


def test_one_that_fired_by_a_block_that_was_seen_later_was_not_late() -> None:
    late = lateness(BLOCKS, [[False], [False], [False], [True], [True]], [1_079.0])

    assert (late.slots, late.ms) == ([0], [34.0])


def test_one_that_could_go_and_did_not_is_counted_and_one_that_never_could_is_not() -> None:
    could = [[False, False], [False, True], [False, True], [False, False], [False, False]]

    late = lateness(BLOCKS, could, [None, None])

    assert (late.slots, late.never) == ([], 1)
