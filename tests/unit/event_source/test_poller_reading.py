"""What a poller reads: first the entries that a former lease holder left, then new ones, until it is stopped."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis

from orderflow.adapters.streams import Done, Entry, Reading, Turn
from orderflow.event_source.mapping import EventSourceMapping
from tests.support.poller_bench import Bench, entries, failing


def test_what_a_former_lease_holder_left_comes_before_anything_new() -> None:
    bench = Bench(failing())
    bench.streams.pending = [entries("1-0", "2-0"), entries("3-0")]

    bench.run(entries("4-0"))

    assert bench.journal[0] == ("group", "route", "route_order")
    assert bench.done("deliveries", "read pending") == [
        ("deliveries", 10, "0"),
        ("read pending", 2, "0"),
        ("deliveries", 10, "2-0"),
        ("read pending", 1, "2-0"),
        ("deliveries", 10, "3-0"),
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

    bench.run(entries("1-0"), entries("2-0", "3-0"))

    assert bench.done("read new")[:2] == [("read new", 10), ("read new", 9)]
    assert bench.done("invoke") == [("invoke", "1-0", "2-0", "3-0")]
    assert 0.05 in bench.stop.waits


def test_a_full_batch_does_not_wait_for_the_window() -> None:
    windowed = EventSourceMapping(function="record_order", stream="status", batch_size=2, maximum_batching_window_ms=50)
    bench = Bench(failing(), windowed)

    bench.run(entries("1-0", "2-0"), entries("3-0"))

    assert bench.done("invoke")[0] == ("invoke", "1-0", "2-0")


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), redis.ResponseError("LOADING"), OSError("reset")])
def test_when_redis_comes_back_the_poller_begins_with_what_is_pending(error: Exception) -> None:
    bench = Bench(failing())

    bench.run(error, entries("1-0"))

    assert 0.25 in bench.stop.waits
    assert [entry[0] for entry in bench.done("group", "deliveries", "acknowledge")] == [
        "group",
        "deliveries",
        "group",
        "deliveries",
        "acknowledge",
    ]


def test_a_poller_that_is_asked_to_stop_ends_when_its_batch_is_done() -> None:
    bench = Bench(failing())

    def stop_meanwhile(_ids: list[str]) -> None:
        bench.stop.set()

    bench._answer = stop_meanwhile
    bench.run(entries("1-0"))

    assert bench.done("acknowledge") == [("acknowledge", "1-0")]
    assert len(bench.done("read new")) == 1


def test_asked_to_stop_while_it_takes_up_what_was_left_it_reads_nothing_new() -> None:
    bench = Bench(failing())
    bench.streams.pending = [entries("1-0")]

    def stop_meanwhile(_ids: list[str]) -> None:
        bench.stop.set()

    bench._answer = stop_meanwhile
    bench.run(entries("2-0"))

    assert bench.done("read new", "invoke", "acknowledge") == [("invoke", "1-0"), ("acknowledge", "1-0")]


def test_what_was_handed_out_twice_and_never_acknowledged_is_handed_out_alone() -> None:
    bench = Bench(failing())
    bench.streams.delivered = [[1, 1, 2, 3], [2, 3], [3]]
    bench.streams.pending = [entries("1-0", "2-0"), entries("3-0"), entries("4-0")]

    bench.poller.run()

    assert [entry[1] for entry in bench.done("read pending")] == [2, 1, 1]
    assert bench.done("invoke") == [("invoke", "1-0", "2-0"), ("invoke", "3-0"), ("invoke", "4-0")]


def test_what_ended_four_processes_is_given_up_without_being_tried_again() -> None:
    bench = Bench(failing())
    bench.streams.delivered = [[4, 2], [2]]
    bench.streams.pending = [entries("1-0"), entries("2-0")]

    bench.poller.run()

    assert bench.done("dead_letter", "invoke") == [
        ("dead_letter", "1-0", 4, "route_order never answered to it"),
        ("invoke", "2-0"),
    ]


def test_what_a_function_answered_to_is_not_given_up_because_it_could_not_be_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(failing())
    bench.streams.delivered = [[], [4, 4], [4]]
    bench.streams.pending = [entries("1-0"), entries("2-0")]
    turn, failures = bench.streams.turn, iter([redis.ConnectionError("gone")])

    def turn_when_it_is_back(readings: Sequence[Reading], *, done: Sequence[Done] = (), **options: Any) -> Turn:
        for error in failures if done else ():
            raise error
        return turn(readings, done=done, **options)

    monkeypatch.setattr(bench.streams, "turn", turn_when_it_is_back)
    bench.run(entries("1-0", "2-0"))

    assert bench.done("dead_letter") == []
    assert bench.done("acknowledge") == [("acknowledge", "1-0"), ("acknowledge", "2-0")]


def test_a_dead_letter_that_comes_back_is_for_the_function_that_gave_it_up() -> None:
    bench = Bench(failing())
    of_another, own = (Entry(each, {"function": name}, 1) for each, name in (("1-0", "x"), ("2-0", "route_order")))

    bench.run([of_another, own, *entries("3-0")])

    assert bench.done("acknowledge", "invoke") == [
        ("acknowledge", "1-0"),
        ("invoke", "2-0", "3-0"),
        ("acknowledge", "2-0", "3-0"),
    ]
