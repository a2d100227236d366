"""What metrics are called in Prometheus."""

import re

import pytest

from orderflow.runtime.metrics import METRICS, Kind, Metric, Unit, in_prometheus_unit, prometheus_name


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("lag", Kind.GAUGE, Unit.COUNT, "orderflow_lag"),
        ("records", Kind.COUNTER, Unit.COUNT, "orderflow_records_total"),
        ("too many requests", Kind.COUNTER, Unit.COUNT, "orderflow_too_many_requests_total"),
        ("elapsed", Kind.HISTOGRAM, Unit.MILLISECONDS, "orderflow_elapsed_seconds"),
        ("age_ms", Kind.GAUGE, Unit.MILLISECONDS, "orderflow_age_seconds"),
    ],
)
def test_the_name_says_the_unit_and_whether_it_is_counted(name: str, kind: Kind, unit: Unit, expected: str) -> None:
    assert prometheus_name(Metric(name, kind, "", (), unit)) == expected


def test_every_metric_has_a_name_of_its_own_that_prometheus_takes_and_says_what_it_is() -> None:
    names = [prometheus_name(metric) for metric in METRICS.values()]

    assert len(set(names)) == len(METRICS)
    assert [name for name in names if not re.fullmatch("[a-z_]+", name)] == []
    assert all(metric.help[0].isalnum() and not metric.help.endswith(".") for metric in METRICS.values())


def test_milliseconds_are_seconds_there_and_counts_stay() -> None:
    assert in_prometheus_unit(METRICS["age_ms"], 1500) == 1.5
    assert in_prometheus_unit(METRICS["lag"], 1500) == 1500
