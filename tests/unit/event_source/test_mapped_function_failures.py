"""Where a batch fails as a whole, has to wait, or must keep its order."""

import pytest

from orderflow.adapters.streams import Entry
from orderflow.errors import RetryableError
from orderflow.event_source.invoke import FunctionError
from tests.support.poller_bench import ORDERED, Bench, entries, failing, in_turn, poisoned


@pytest.mark.parametrize("culprit", [f"{number}-0" for number in range(8)])
def test_a_function_that_fails_as_a_whole_is_led_to_the_record_at_fault(culprit: str) -> None:
    ids = [f"{number}-0" for number in range(8)]
    bench = Bench(poisoned(culprit))

    bench.run(entries(*ids))

    others = [each for each in ids if each != culprit]
    assert bench.done("acknowledge", "defer") == [("acknowledge", *others), ("defer", culprit, 1, 1_000)]
    # Halved three times: the whole batch, then both halves on each of three levels.
    assert len(bench.done("invoke")) == 7


def test_two_records_at_fault_are_both_found() -> None:
    ids = [f"{number}-0" for number in range(10)]
    bench = Bench(poisoned("0-0", "7-0"))

    bench.run(entries(*ids))

    assert [entry[1] for entry in bench.done("defer")] == ["0-0", "7-0"]
    assert bench.done("acknowledge") == [("acknowledge", *(each for each in ids if each not in ("0-0", "7-0")))]


def test_a_poisoned_record_is_given_up_in_the_end_with_the_functions_error() -> None:
    bench = Bench(poisoned("2-0"))

    bench.run(entries("1-0", "2-0", "3-0", attempt=4))

    assert bench.done("dead_letter") == [("dead_letter", "2-0", 4, "KeyError: 'x'")]
    assert bench.done("acknowledge") == [("acknowledge", "1-0", "3-0")]


def test_a_function_that_says_that_something_is_unavailable_is_invoked_again_without_an_attempt_being_counted() -> None:
    unavailable = RetryableError("Redis can't be reached")
    bench = Bench(in_turn(*[unavailable] * 6, None))

    bench.run(entries("1-0", "2-0", attempt=3))

    assert bench.done("invoke", "acknowledge", "defer", "dead_letter") == [
        *[("invoke", "1-0", "2-0")] * 7,
        ("acknowledge", "1-0", "2-0"),
    ]
    assert bench.stop.waits == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert {record["attempt"] for event in bench.events for record in event["Records"]} == {3}


def test_the_wait_for_something_unavailable_ends_at_a_stop_and_leaves_the_batch_pending() -> None:
    bench = Bench(lambda _ids: RetryableError("unavailable"), limit=3)

    bench.run(entries("1-0"))

    # Released each time, so that the next lease holder does not take it for what this process died of.
    assert bench.done("invoke", "release", "acknowledge") == [("invoke", "1-0"), ("release", "1-0")] * 3


def test_something_unavailable_while_a_batch_is_halved_makes_the_whole_batch_wait() -> None:
    whole_fails, first_half_works, unavailable = FunctionError("x"), None, RetryableError("unavailable")
    bench = Bench(in_turn(whole_fails, first_half_works, unavailable, None))

    bench.run(entries("1-0", "2-0"))

    assert bench.done("invoke") == [
        ("invoke", "1-0", "2-0"),
        ("invoke", "1-0"),
        ("invoke", "2-0"),
        ("invoke", "1-0", "2-0"),
    ]
    assert bench.done("acknowledge", "defer") == [("acknowledge", "1-0", "2-0")]


def test_where_order_counts_a_record_is_tried_again_in_its_place() -> None:
    bench = Bench(in_turn(failing("2-0")(["2-0"]), None), ORDERED)

    bench.run(entries("1-0", "2-0", "3-0"))

    assert bench.done("invoke", "returned", "acknowledge", "release") == [
        ("invoke", "1-0", "2-0", "3-0"),
        ("returned", "1-0", "2-0", "3-0"),
        ("acknowledge", "1-0"),
        ("release", "2-0", "3-0"),
        ("invoke", "2-0", "3-0"),
        ("returned", "2-0", "3-0"),
        ("acknowledge", "2-0", "3-0"),
    ]
    assert bench.stop.waits == [1.0]
    assert [[record["attempt"] for record in event["Records"]] for event in bench.events] == [[1, 1, 1], [2, 1]]


def test_where_order_counts_what_lies_behind_a_record_at_fault_waits_for_it() -> None:
    whole_fails, first_half_fails, again_works = FunctionError("x"), FunctionError("x"), None
    bench = Bench(in_turn(whole_fails, first_half_fails, again_works), ORDERED)

    bench.run(entries("1-0", "2-0"))

    assert bench.done("invoke", "acknowledge") == [
        ("invoke", "1-0", "2-0"),
        ("invoke", "1-0"),
        ("invoke", "1-0", "2-0"),
        ("acknowledge", "1-0", "2-0"),
    ]


def test_where_order_counts_what_lies_behind_a_record_that_is_given_up_goes_on_at_once() -> None:
    bench = Bench(failing("1-0"), ORDERED)

    bench.run([*entries("1-0", attempt=4), *entries("2-0")])

    assert bench.done("invoke", "acknowledge", "dead_letter") == [
        ("invoke", "1-0", "2-0"),
        ("dead_letter", "1-0", 4, "reported as failed"),
        ("invoke", "2-0"),
        ("acknowledge", "2-0"),
    ]
    assert bench.stop.waits == []


def test_where_order_counts_a_record_that_keeps_failing_is_given_up_after_1_2_and_4_seconds() -> None:
    bench = Bench(failing("2-0"), ORDERED)

    bench.run(entries("1-0", "2-0"))

    assert bench.stop.waits == [1.0, 2.0, 4.0]
    assert [event["Records"][-1]["attempt"] for event in bench.events] == [1, 2, 3, 4]
    assert bench.done("acknowledge", "defer", "dead_letter") == [
        ("acknowledge", "1-0"),
        ("dead_letter", "2-0", 4, "reported as failed"),
    ]


def test_where_order_counts_a_stop_during_a_retry_leaves_the_record_pending() -> None:
    bench = Bench(failing("1-0"), ORDERED, limit=2)

    bench.run(entries("1-0"))

    assert len(bench.done("invoke")) == 2
    assert bench.done("acknowledge", "defer", "dead_letter") == []


def test_a_record_whose_order_can_not_be_ended_stays_pending_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def end_order(function: str, stream: str, entry: Entry, error: str) -> None:
        raise RetryableError("the venue is unavailable")

    bench = Bench(failing("1-0"), end_order=end_order)
    bench.run(entries("1-0", attempt=4))

    assert bench.done("invoke", "dead_letter", "acknowledge") == [("invoke", "1-0")]
    [line] = [record for record in caplog.records if record.message == "poller waits"]
    assert {"levelname": "WARNING", "error": "the venue is unavailable"}.items() <= vars(line).items()
