"""What becomes of a stream's entries: acknowledged, tried again, given up."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis

from orderflow.adapters.streams import Entry, Streams
from orderflow.errors import RetryableError
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.invoke import FunctionError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.poller import Poller, retry_delay_ms
from tests.fakes import FakeOrders, FakeStreams, Patience

STAGE = EventSourceMapping(function="route_order", stream="route", batch_size=10)
ORDERED = EventSourceMapping(function="publish_status", stream="status", ordered=True, batch_size=10)

Answer = Callable[[list[str]], Any]


class JournalledDeadLetters(DeadLetters):
    """Notes what is given up."""

    def __init__(self, journal: list[Any]) -> None:
        super().__init__(FakeOrders())
        self._journal = journal

    def bury(self, streams: Streams, mapping: EventSourceMapping, failed: Sequence[tuple[Entry, str]]) -> None:
        self._journal += [("bury", entry.id, entry.attempt, error) for entry, error in failed]


class Bench:
    """A poller among fakes. `journal` has what was done, in its order, invocations included."""

    def __init__(self, answer: Answer, mapping: EventSourceMapping = STAGE, limit: int = 50) -> None:
        self.journal: list[Any] = []
        self.events: list[dict[str, Any]] = []
        self.stop = Patience(limit)
        self.streams = FakeStreams(self.journal, self.stop)
        self._answer = answer
        self.poller = Poller(mapping, self.streams, self._invoke, JournalledDeadLetters(self.journal), self.stop)

    def done(self, *kinds: str) -> list[Any]:
        """Return the journal's entries of these kinds."""
        return [entry for entry in self.journal if entry[0] in kinds]

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        ids = [record["messageId"] for record in event["Records"]]
        self.events.append(event)
        self.journal.append(("invoke", *ids))
        answer = self._answer(ids)
        if isinstance(answer, Exception):
            raise answer
        self.journal.append(("returned", *ids))
        return answer


def entries(*ids: str, attempt: int = 1) -> list[Entry]:
    return [Entry(each, {"order": f"order of {each}"}, attempt) for each in ids]


def failing(*failed: str, error: str | None = None) -> Answer:
    """Report those of the ids that a batch has."""
    detail = {} if error is None else {"error": error}
    return lambda ids: {"batchItemFailures": [{"itemIdentifier": each} | detail for each in ids if each in failed]}


def poisoned(*culprits: str) -> Answer:
    """Fail as a whole where a culprit is in the batch."""
    return lambda ids: FunctionError("KeyError: 'x'") if set(ids) & set(culprits) else None


def in_turn(*answers: Any) -> Answer:
    """Give these answers, one after the other."""
    left = list(answers)
    return lambda _ids: left.pop(0)


def test_a_batch_is_acknowledged_as_a_whole_after_the_invocation_returned() -> None:
    bench = Bench(failing())

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.journal == [
        ("invoke", "1-0", "2-0"),
        ("returned", "1-0", "2-0"),
        ("acknowledge", "1-0", "2-0"),
    ]


def test_the_event_is_shaped_as_the_functions_take_it() -> None:
    bench = Bench(failing())

    bench.poller.handle([Entry("5-1", {"order": "{}"}, 3)])

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

    bench.poller.handle([])

    assert bench.journal == []


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}]
)
def test_the_answers_that_lambda_takes_for_success_are_taken_so(answer: Any) -> None:
    bench = Bench(lambda _ids: answer)

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.done("acknowledge", "defer") == [("acknowledge", "1-0", "2-0")]


def test_a_record_that_is_reported_is_deferred_and_the_others_are_acknowledged() -> None:
    bench = Bench(failing("2-0"))

    bench.poller.handle(entries("1-0", "2-0", "3-0"))

    assert bench.done("acknowledge", "defer", "bury") == [("acknowledge", "1-0", "3-0"), ("defer", "2-0", 1, 1_000)]


@pytest.mark.parametrize(("attempt", "delay_ms"), [(1, 1_000), (2, 2_000), (3, 4_000)])
def test_a_record_rests_1_then_2_then_4_seconds(attempt: int, delay_ms: int) -> None:
    bench = Bench(failing("1-0"))

    bench.poller.handle(entries("1-0", attempt=attempt))

    assert bench.done("acknowledge", "defer", "bury") == [("defer", "1-0", attempt, delay_ms)]
    assert retry_delay_ms(attempt) == delay_ms


def test_after_the_last_attempt_a_record_is_given_up_with_the_error_that_was_reported() -> None:
    bench = Bench(failing("1-0", error="RetryableError: not landed"))

    bench.poller.handle(entries("1-0", attempt=4))

    assert bench.done("acknowledge", "defer", "bury") == [("bury", "1-0", 4, "RetryableError: not landed")]


def test_every_record_of_a_batch_is_settled_by_its_own_attempts() -> None:
    bench = Bench(failing("1-0", "2-0", "3-0"))

    bench.poller.handle([*entries("1-0", attempt=4), *entries("2-0", attempt=2), *entries("3-0", "4-0")])

    assert bench.done("acknowledge", "defer", "bury") == [
        ("acknowledge", "4-0"),
        ("bury", "1-0", 4, "reported as failed"),
        ("defer", "2-0", 2, 2_000),
        ("defer", "3-0", 1, 1_000),
    ]


def test_the_mapping_says_how_often_a_record_is_tried_again() -> None:
    once = EventSourceMapping(function="route_order", stream="route", maximum_retry_attempts=1)
    bench = Bench(failing("1-0", "2-0"), once)

    bench.poller.handle([*entries("1-0", attempt=1), *entries("2-0", attempt=2)])

    assert [entry[:2] for entry in bench.done("defer", "bury")] == [("bury", "2-0"), ("defer", "1-0")]


def test_an_id_that_was_not_sent_fails_the_whole_batch() -> None:
    bench = Bench(lambda _ids: {"batchItemFailures": [{"itemIdentifier": "9-9"}]})

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.done("acknowledge", "defer") == [("defer", "1-0", 1, 1_000), ("defer", "2-0", 1, 1_000)]


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
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

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.done("acknowledge") == []
    assert [entry[:2] for entry in bench.done("defer")] == [("defer", "1-0"), ("defer", "2-0")]


def test_the_error_of_an_answer_that_can_not_be_understood_goes_to_the_dead_letters() -> None:
    bench = Bench(lambda _ids: {"batchItemFailures": "1-0"})

    bench.poller.handle(entries("1-0", attempt=4))

    ((_, _, _, error),) = bench.done("bury")
    assert error.startswith("the response is no batch response: Expected `array")


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

    assert bench.done("bury") == [("bury", "2-0", 4, "KeyError: 'x'")]
    assert bench.done("acknowledge") == [("acknowledge", "1-0", "3-0")]


def test_a_function_that_says_that_something_is_away_is_invoked_again_without_an_attempt_being_counted() -> None:
    away = RetryableError("Redis can't be reached")
    bench = Bench(in_turn(*[away] * 6, None))

    bench.poller.handle(entries("1-0", "2-0", attempt=3))

    assert bench.journal == [
        *[("invoke", "1-0", "2-0")] * 7,
        ("returned", "1-0", "2-0"),
        ("acknowledge", "1-0", "2-0"),
    ]
    assert bench.stop.waits == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert {record["attempt"] for event in bench.events for record in event["Records"]} == {3}


def test_the_wait_for_something_that_is_away_ends_when_told_to_stop_and_leaves_the_batch_pending() -> None:
    bench = Bench(lambda _ids: RetryableError("away"), limit=3)

    bench.poller.handle(entries("1-0"))

    assert bench.journal == [("invoke", "1-0")] * 3


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
        ("acknowledge", "1-0", "3-0"),
        ("invoke", "2-0"),
        ("returned", "2-0"),
        ("acknowledge", "2-0"),
    ]
    assert bench.stop.waits == [1.0]


def test_where_order_counts_a_record_that_keeps_failing_is_given_up_after_1_2_and_4_seconds() -> None:
    bench = Bench(failing("2-0"), ORDERED)

    bench.poller.handle(entries("1-0", "2-0"))

    assert bench.stop.waits == [1.0, 2.0, 4.0]
    assert [event["Records"][-1]["attempt"] for event in bench.events] == [1, 2, 3, 4]
    assert bench.done("acknowledge", "defer", "bury") == [
        ("acknowledge", "1-0"),
        ("bury", "2-0", 4, "reported as failed"),
    ]


def test_where_order_counts_a_stop_during_a_retry_leaves_the_record_pending() -> None:
    bench = Bench(failing("1-0"), ORDERED, limit=2)

    bench.poller.handle(entries("1-0"))

    assert len(bench.done("invoke")) == 2
    assert bench.done("acknowledge", "defer", "bury") == []


def test_what_a_former_owner_left_comes_before_anything_new() -> None:
    bench = Bench(failing())
    bench.streams.pending = [entries("1-0", "2-0"), entries("3-0")]
    bench.streams.new = [entries("4-0")]

    bench.poller.run()

    assert bench.journal[0] == ("group", "route", "route_order")
    assert bench.done("read pending") == [
        ("read pending", 10, "0"),
        ("read pending", 10, "2-0"),
        ("read pending", 10, "3-0"),
    ]
    assert bench.done("acknowledge") == [
        ("acknowledge", "1-0", "2-0"),
        ("acknowledge", "3-0"),
        ("acknowledge", "4-0"),
    ]


def test_a_pending_entry_that_is_gone_from_the_stream_is_acknowledged_without_the_function() -> None:
    bench = Bench(failing())
    bench.streams.pending = [[Entry("1-0", {}, 1), *entries("2-0")]]

    bench.poller.run()

    assert bench.done("invoke", "acknowledge") == [("acknowledge", "1-0"), ("invoke", "2-0"), ("acknowledge", "2-0")]


def test_a_batching_window_lets_a_batch_fill_up() -> None:
    windowed = EventSourceMapping(
        function="record_order", stream="status", ordered=True, batch_size=10, maximum_batching_window_ms=50
    )
    bench = Bench(failing(), windowed)
    bench.streams.new = [entries("1-0"), entries("2-0", "3-0")]

    bench.poller.run()

    assert bench.done("read new")[:2] == [("read new", 10, 500), ("read new", 9, None)]
    assert bench.done("invoke") == [("invoke", "1-0", "2-0", "3-0")]
    assert 0.05 in bench.stop.waits


def test_a_full_batch_does_not_wait_for_the_window() -> None:
    windowed = EventSourceMapping(function="record_order", stream="status", batch_size=2, maximum_batching_window_ms=50)
    bench = Bench(failing(), windowed)
    bench.streams.new = [entries("1-0", "2-0"), entries("3-0")]

    bench.poller.run()

    assert bench.done("invoke")[0] == ("invoke", "1-0", "2-0")


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), redis.ResponseError("LOADING"), OSError("reset")])
def test_when_redis_comes_back_the_poller_begins_with_what_is_pending(error: Exception) -> None:
    bench = Bench(failing())
    bench.streams.new = [error, entries("1-0")]

    bench.poller.run()

    assert 0.25 in bench.stop.waits
    assert [entry[0] for entry in bench.done("group", "read pending", "acknowledge")] == [
        "group",
        "read pending",
        "group",
        "read pending",
        "acknowledge",
    ]


def test_a_poller_that_is_told_to_stop_ends_when_its_batch_is_done() -> None:
    bench = Bench(failing())
    bench.streams.new = [entries("1-0")]

    def stop_meanwhile(_ids: list[str]) -> None:
        bench.stop.set()

    bench._answer = stop_meanwhile
    bench.poller.run()

    assert bench.done("acknowledge") == [("acknowledge", "1-0")]
    assert len(bench.done("read new")) == 1
