"""What is recorded for a scrape, beside what is written for CloudWatch."""

import json

import pytest

from orderflow.runtime.observability import count, count_batch, record, record_batch
from tests.support.kept_metrics import kept_metrics


def test_events_are_recorded_by_their_reason_and_written_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    with kept_metrics() as kept:
        count("gateway", {"refused": 3}, "MAX_REQUESTS")
        count("route_order", {"retries": 2})

    assert kept.sums("refused", "retries") == {("refused", "gateway", "MAX_REQUESTS"): 3, ("retries", "route_order"): 2}
    refused, retries = map(json.loads, capsys.readouterr().out.splitlines())
    assert (refused["service"], refused["refused"], "MAX_REQUESTS" in str(refused)) == ("gateway", [3], False)
    assert (retries["service"], retries["retries"]) == ("route_order", [2])


def test_a_batch_is_recorded_whole_but_for_what_did_not_happen() -> None:
    with kept_metrics() as kept:
        count_batch("route_order", {"records": 7, "failures": 0}, 12.5)

    assert kept.values == {("records", "route_order"): [7], ("elapsed", "route_order"): [12.5]}


def test_what_is_only_recorded_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    with kept_metrics() as kept:
        record_batch("route_order", {"records": 7}, 12.5)
        record("record_age_ms", ("route_order",), 3)

    assert len(kept.values) == 3
    assert capsys.readouterr().out == ""


def test_a_metric_that_is_not_in_the_table_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")

    with pytest.raises(KeyError, match="^'surprises'$"):
        count("gateway", {"surprises": 1})
