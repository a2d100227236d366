"""Tallies: what is added up, and percentiles that are right within 2.5 %."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.tally import Tally, bucket_of, percentiles_ms


@given(st.lists(st.integers(1, 10**6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_near_what_so_many_latencies_do_not_exceed(latencies: list[int], percent: int) -> None:
    counted = Tally()
    for latency_ms in latencies:
        counted.add(Tally(latencies={bucket_of(latency_ms): 1}))

    [found] = percentiles_ms(counted.latencies, [percent])

    assert found == pytest.approx(sorted(latencies)[ceil(len(latencies) * percent / 100) - 1], rel=0.026)


def test_several_percentiles_come_in_the_order_in_which_they_were_asked_for() -> None:
    latencies = {bucket_of(10): 90, bucket_of(100): 9, bucket_of(1_000): 1}

    assert percentiles_ms(latencies, [99, 50, 100]) == pytest.approx([100, 10, 1_000], rel=0.025)


def test_of_no_latencies_there_is_no_percentile() -> None:
    assert percentiles_ms({}, [50, 99]) == [None, None]


@pytest.mark.parametrize("latency_ms", [-5, 0, 1])
def test_what_took_no_time_by_two_clocks_counts_as_a_millisecond(latency_ms: int) -> None:
    assert percentiles_ms({bucket_of(latency_ms): 1}, [50]) == [1]


def test_tallies_add_up() -> None:
    counted = Tally(1, 2, 3, {4: 5})

    counted.add(Tally(10, 20, 30, {4: 50, 6: 60}))

    assert counted == Tally(11, 22, 33, {4: 55, 6: 60})
