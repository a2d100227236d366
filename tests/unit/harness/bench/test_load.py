"""When orders are due, and what follows from the times of them all."""

from itertools import count, islice

import pytest

from tests.harness.bench.load import Load, Observations, due_times, most_at_once


def test_an_open_loop_has_an_order_due_at_each_beat_however_late_it_is_asked() -> None:
    clock = count(100.0, 50.0)

    due = due_times(Load(seconds=2, rate=2), lambda: next(clock))

    assert list(due) == [100.0, 100.5, 101.0, 101.5]


def test_a_closed_loop_has_an_order_due_whenever_it_is_asked_until_its_time_is_over() -> None:
    clock = iter([10.0, 10.1, 11.9, 12.0])

    assert list(due_times(Load(seconds=2), lambda: next(clock))) == [10.1, 11.9]


@pytest.mark.parametrize("rate", [None, 1_000])
def test_a_load_ends_with_its_orders(rate: float | None) -> None:
    assert len(list(due_times(Load(orders=3, rate=rate)))) == 3


def test_a_load_without_orders_goes_on() -> None:
    assert len(list(islice(due_times(Load(seconds=60, rate=10_000)), 1_000))) == 1_000


def test_there_are_no_more_clients_than_orders() -> None:
    assert Load(orders=3, concurrency=50).clients == 3
    assert Load(seconds=1, concurrency=50).clients == 50


def test_latencies_count_from_when_an_order_was_due() -> None:
    # The second was due while the system answered nobody, and was sent when it did: its wait counts.
    seen = Observations(due_at={"a": 1.0, "b": 1.1}, confirmed_at={"a": 3.0, "b": 3.05})

    assert seen.confirmed_ms == pytest.approx([2000, 1950])


def test_spans_overlap_where_one_begins_before_another_ends() -> None:
    assert most_at_once([(0, 2), (1, 3), (2, 4), (9, 10)]) == 2
    assert most_at_once([]) == 0
