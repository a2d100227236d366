"""The entries of a batch are acknowledged, tried again or given up."""

from typing import Any

import pytest

from orderflow.adapters.streams import Entry
from orderflow.event_source.mapped_function import retry_delay_ms
from orderflow.event_source.mapping import EventSourceMapping
from tests.support.poller_bench import Bench, entries, failing


def test_a_batch_is_acknowledged_as_a_whole_after_the_invocation_returned() -> None:
    bench = Bench(failing())

    bench.run(entries("1-0", "2-0"))

    assert bench.done("invoke", "returned", "acknowledge") == [
        ("invoke", "1-0", "2-0"),
        ("returned", "1-0", "2-0"),
        ("acknowledge", "1-0", "2-0"),
    ]


def test_the_event_is_shaped_as_the_functions_take_it() -> None:
    bench = Bench(failing())

    bench.run([Entry("5-1", {"order": "{}"}, 3)])

    assert bench.events == [
        {
            "Records": [
                {
                    "messageId": "5-1",
                    "eventSource": "orderflow:stream",
                    "stream": "route",
                    "partition": "p0",
                    "attempt": 3,
                    "data": {"order": "{}"},
                }
            ]
        }
    ]


def test_nothing_to_handle_invokes_nothing() -> None:
    bench = Bench(failing())

    bench.run([])

    assert bench.done("invoke", "acknowledge") == []


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}]
)
def test_the_answers_that_lambda_takes_for_success_are_taken_so(answer: Any) -> None:
    bench = Bench(lambda _ids: answer)

    bench.run(entries("1-0", "2-0"))

    assert bench.done("acknowledge", "defer") == [("acknowledge", "1-0", "2-0")]


def test_a_record_that_is_reported_is_deferred_and_the_others_are_acknowledged() -> None:
    bench = Bench(failing("2-0"))

    bench.run(entries("1-0", "2-0", "3-0"))

    assert bench.done("acknowledge", "defer", "dead_letter") == [
        ("acknowledge", "1-0", "3-0"),
        ("defer", "2-0", 1, 1_000),
    ]


@pytest.mark.parametrize(("attempt", "delay_ms"), [(1, 1_000), (2, 2_000), (3, 4_000)])
def test_a_record_rests_1_then_2_then_4_seconds(attempt: int, delay_ms: int) -> None:
    bench = Bench(failing("1-0"))

    bench.run(entries("1-0", attempt=attempt))

    assert bench.done("acknowledge", "defer", "dead_letter") == [("defer", "1-0", attempt, delay_ms)]
    assert retry_delay_ms(attempt) == delay_ms


def test_after_the_last_attempt_a_record_is_given_up_with_the_error_that_was_reported() -> None:
    bench = Bench(failing("1-0", error="RetryableError: not landed"))

    bench.run(entries("1-0", attempt=4))

    assert bench.done("acknowledge", "defer", "dead_letter") == [
        ("dead_letter", "1-0", 4, "RetryableError: not landed")
    ]


def test_every_record_of_a_batch_is_tried_again_or_given_up_by_its_own_attempts() -> None:
    bench = Bench(failing("1-0", "2-0", "3-0"))

    bench.run([*entries("1-0", attempt=4), *entries("2-0", attempt=2), *entries("3-0", "4-0")])

    assert bench.done("acknowledge", "defer", "dead_letter") == [
        ("acknowledge", "4-0"),
        ("dead_letter", "1-0", 4, "reported as failed"),
        ("defer", "2-0", 2, 2_000),
        ("defer", "3-0", 1, 1_000),
    ]


def test_the_mapping_says_how_often_a_record_is_tried_again() -> None:
    once = EventSourceMapping(function="route_order", stream="route", maximum_retry_attempts=1)
    bench = Bench(failing("1-0", "2-0"), once)

    bench.run([*entries("1-0", attempt=1), *entries("2-0", attempt=2)])

    assert [entry[:2] for entry in bench.done("defer", "dead_letter")] == [("dead_letter", "2-0"), ("defer", "1-0")]


def test_an_id_that_was_not_sent_fails_the_whole_batch() -> None:
    bench = Bench(lambda _ids: {"batchItemFailures": [{"itemIdentifier": "9-9"}]})

    bench.run(entries("1-0", "2-0"))

    assert bench.done("acknowledge", "defer") == [("defer", "1-0", 1, 1_000), ("defer", "2-0", 1, 1_000)]


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
        "",
        0,
        [],
        5,
        True,
        [{"itemIdentifier": "1-0"}],
        {"batchItemFailures": "1-0"},
        {"batchItemFailures": ["1-0"]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": 1}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"identifier": "1-0"}]},
    ],
)
def test_an_answer_that_can_not_be_understood_fails_the_whole_batch(answer: Any) -> None:
    bench = Bench(lambda _ids: answer)

    bench.run(entries("1-0", "2-0"))

    assert bench.done("acknowledge") == []
    assert [entry[:2] for entry in bench.done("defer")] == [("defer", "1-0"), ("defer", "2-0")]


def test_the_error_of_an_answer_that_can_not_be_understood_goes_to_the_dead_letters() -> None:
    bench = Bench(lambda _ids: {"batchItemFailures": "1-0"})

    bench.run(entries("1-0", attempt=4))

    ((_, _, _, error),) = bench.done("dead_letter")
    assert error.startswith("the response is no batch response: Expected `array")
