"""Percentiles of durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.timings import Timings, percentile


def test_percentile_is_a_measured_value() -> None:
    ascending = [float(value) for value in range(1, 101)]

    percentiles = [percentile(ascending, percent) for percent in (1, 50, 95, 99, 100)]

    assert percentiles == [1, 50, 95, 99, 100]


def test_percentiles_of_one_value_are_that_value() -> None:
    assert [percentile([7.5], percent) for percent in (0, 50, 99)] == [7.5, 7.5, 7.5]


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@given(
    st.lists(st.floats(min_value=0, max_value=1e9), min_size=1),
    st.floats(min_value=0, max_value=100, exclude_min=True),
)
def test_at_least_that_share_does_not_exceed_a_percentile(values: list[float], percent: float) -> None:
    ascending = sorted(values)

    found = percentile(ascending, percent)

    not_exceeding = sum(1 for value in ascending if value <= found)
    below = sum(1 for value in ascending if value < found)
    assert not_exceeding >= len(ascending) * percent / 100 - 1e-9 * len(ascending)
    assert below < len(ascending) * percent / 100 + 1e-9 * len(ascending) + 1e-12


def test_timings_of_values_in_any_order() -> None:
    timings = Timings.of([30.0, 10.0, 20.0])

    assert timings == Timings(count=3, minimum=10, mean=20, maximum=30, p50=20, p95=30, p99=30)


def test_timings_of_nothing_are_zero() -> None:
    assert Timings.of([]) == Timings()
