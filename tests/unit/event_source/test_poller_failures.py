"""Where a batch fails as a whole, has to wait, or must keep its order."""

import pytest

from orderflow.errors import RetryableError
from orderflow.event_source.invoke import FunctionError
from tests.support.poller_bench import ORDERED, Bench, entries, failing, in_turn, poisoned


@pytest.mark.parametrize("culprit", [f"{number}-0" for number in range(8)])
def test_a_function_that_fails_as_a_whole_is_led_to_the_record_at_fault(culprit: str) -> None:
    ids = [f"{number}-0" for number in range(8)]
    bench = Bench(poisoned(culprit))

    bench.poller.handle(entries(*ids))

    others = [each for each in ids if each != culprit]
    assert bench.done("acknowledge", "defer") == [("acknowledge", *others), ("defer", culprit, 1, 1_000)]
    # Halved three times: the whole batch, then both halves on each of three levels.
    assert len(bench.done("invoke")) == 7


def test_two_records_at_fault_are_both_found() -> None:
    ids = [f"{number}-0" for number in range(10)]
    bench = Bench(poisoned("0-0", "7-0"))

    bench.poller.handle(entries(*ids))

    assert [entry[1] for entry in bench.done("defer")] == ["0-0", "7-0"]
    assert bench.done("acknowledge") == [("acknowledge", *(each for each in ids if each not in ("0-0", "7-0")))]


def test_a_poisoned_record_is_given_up_in_the_end_with_the_functions_error() -> None:
    bench = Bench(poisoned("2-0"))

    bench.poller.handle(entries("1-0", "2-0", "3-0", attempt=4))

    assert bench.done("dead_letter") == [("dead_letter", "2-0", 4, "KeyError: 'x'")]
    assert bench.done("acknowledge") == [("acknowledge", "1-0", "3-0")]


def test_a_function_that_says_that_something_is_away_is_invoked_again_without_an_attempt_being_counted() -> None:
    away = RetryableError("Redis can't be reached")
    bench = Bench(in_turn(*[away] * 6, None))

    bench.poller.handle(entries("1-0", "2-0", attempt=3))

    assert bench.done("invoke", "acknowledge", "defer", "dead_letter") == [
        *[("invoke", "1-0", "2-0")] * 7,
        ("acknowledge", "1-0", "2-0"),
    ]
    assert bench.stop.waits == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert {record["attempt"] for event in bench.events for record in event["Records"]} == {3}


def test_the_wait_for_something_that_is_away_ends_when_told_to_stop_and_leaves_the_batch_pending() -> None:
    bench = Bench(lambda _ids: RetryableError("away"), limit=3)

    bench.poller.handle(entries("1-0"))

    # Handed back each time: whoever takes it up is not to think that it was what this process ended of.
    assert bench.journal == [("invoke", "1-0"), ("hand back", "1-0")] * 3


def test_something_that_goes_away_while_a_batch_is_halved_makes_the_whole_batch_wait() -> None:
    whole_fails, first_half_works, away = FunctionError("x"), None, RetryableError("away")
    bench = Bench(in_turn(whole_fails, first_half_works, away, None))

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.done("invoke") == [
        ("invoke", "1-0", "2-0"),
        ("invoke", "1-0"),
        ("invoke", "2-0"),
        ("invoke", "1-0", "2-0"),
    ]
    assert bench.done("acknowledge", "defer") == [("acknowledge", "1-0", "2-0")]


def test_where_order_counts_a_record_is_tried_again_in_its_place() -> None:
    bench = Bench(in_turn(failing("2-0")(["2-0"]), None), ORDERED)

    bench.poller.handle(entries("1-0", "2-0", "3-0"))

    assert bench.journal == [
        ("invoke", "1-0", "2-0", "3-0"),
        ("returned", "1-0", "2-0", "3-0"),
        ("acknowledge", "1-0"),
        ("hand back", "2-0", "3-0"),
        ("invoke", "2-0", "3-0"),
        ("returned", "2-0", "3-0"),
        ("acknowledge", "2-0", "3-0"),
    ]
    assert bench.stop.waits == [1.0]
    assert [[record["attempt"] for record in event["Records"]] for event in bench.events] == [[1, 1, 1], [2, 1]]


def test_where_order_counts_what_lies_behind_a_record_at_fault_waits_for_it() -> None:
    whole_fails, first_half_fails, again_works = FunctionError("x"), FunctionError("x"), None
    bench = Bench(in_turn(whole_fails, first_half_fails, again_works), ORDERED)

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.done("invoke", "acknowledge") == [
        ("invoke", "1-0", "2-0"),
        ("invoke", "1-0"),
        ("invoke", "1-0", "2-0"),
        ("acknowledge", "1-0", "2-0"),
    ]


def test_where_order_counts_what_lies_behind_a_record_that_is_given_up_goes_on_at_once() -> None:
    bench = Bench(failing("1-0"), ORDERED)

    bench.poller.handle([*entries("1-0", attempt=4), *entries("2-0")])

    assert bench.done("invoke", "acknowledge", "dead_letter") == [
        ("invoke", "1-0", "2-0"),
        ("dead_letter", "1-0", 4, "reported as failed"),
        ("invoke", "2-0"),
        ("acknowledge", "2-0"),
    ]
    assert bench.stop.waits == []


def test_where_order_counts_a_record_that_keeps_failing_is_given_up_after_1_2_and_4_seconds() -> None:
    bench = Bench(failing("2-0"), ORDERED)

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.stop.waits == [1.0, 2.0, 4.0]
    assert [event["Records"][-1]["attempt"] for event in bench.events] == [1, 2, 3, 4]
    assert bench.done("acknowledge", "defer", "dead_letter") == [
        ("acknowledge", "1-0"),
        ("dead_letter", "2-0", 4, "reported as failed"),
    ]


def test_where_order_counts_a_stop_during_a_retry_leaves_the_record_pending() -> None:
    bench = Bench(failing("1-0"), ORDERED, limit=2)

    bench.poller.handle(entries("1-0"))

    assert len(bench.done("invoke")) == 2
    assert bench.done("acknowledge", "defer", "dead_letter") == []
