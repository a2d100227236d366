"""The dashboards of Grafana and CloudWatch against the metrics that exist: they show no others, and all of these."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser
import pytest

from local.settings import ROOT
from local.template import read_document
from orderflow.runtime.metrics import METRICS, Kind, Metric, prometheus_name
from tests.support.cloudformation import Stack

PANELS: list[dict[str, Any]] = json.loads((ROOT / "docs/grafana.json").read_text(encoding="utf-8"))["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]
OF_THE_SCRAPE = {"instance", "job"}
"""Labels that Prometheus itself gives to all that it has scraped."""

FULL = Stack(read_document(ROOT / "template.yaml"), {"EventSourceImage": "image", "MigrationImage": "image"})
BODIES = {
    name: json.loads(said["DashboardBody"]["Fn::Sub"])
    for name, said in FULL.of_type("AWS::CloudWatch::Dashboard").items()
}
NAMESPACE = "Orderflow/${AWS::StackName}"
SEARCH = re.compile(rf"""SEARCH\('\{{"{re.escape(NAMESPACE)}",([a-z,]+)\}} MetricName="([a-z_ ]+)"', '\w+', 60\)""")


class Shown(NamedTuple):
    """Series that a query takes, and the labels that it selects or sums by."""

    series: str
    labels: frozenset[str]


def series_of(metric: Metric) -> list[str]:
    name = prometheus_name(metric)
    return [f"{name}_{end}" for end in ("bucket", "count", "sum")] if metric.kind is Kind.HISTOGRAM else [name]


SERIES = {series: metric for metric in METRICS.values() for series in series_of(metric)}


def shown(node: Any, labels: frozenset[str] = frozenset()) -> Iterator[Shown]:
    """Yield what a parsed query takes."""
    match node:
        case promql_parser.VectorSelector():
            yield Shown(node.name or "", labels | {matcher.name for matcher in node.matchers.matchers})
        case promql_parser.MatrixSelector():
            yield from shown(node.vector_selector, labels)
        case promql_parser.AggregateExpr():
            yield from shown(node.expr, labels | set(node.modifier.labels if node.modifier else ()))
        case promql_parser.Call():
            for argument in node.args:
                yield from shown(argument, labels)
        case promql_parser.NumberLiteral():
            pass
        case _:
            raise TypeError(f"this test does not read {type(node).__name__}")


def in_grafana(expression: str) -> list[Shown]:
    return list(shown(promql_parser.parse(expression.replace("$__rate_interval", "1m"))))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_of_grafana_takes_series_that_exist_by_labels_that_they_have(expression: str) -> None:
    taken = in_grafana(expression)

    assert taken
    for series, labels in taken:
        metric = SERIES[series]
        own = {"le"} if series.endswith("_bucket") else set()
        assert labels <= {*metric.labels, *own, *OF_THE_SCRAPE}, series
        assert "rate(" in expression or metric.kind is Kind.GAUGE, "what is counted is shown by its rate"


def test_grafana_shows_every_metric() -> None:
    seen = {SERIES[series].name for expression in EXPRESSIONS for series, _ in in_grafana(expression)}

    assert METRICS.keys() - seen == set()


def test_each_panel_of_grafana_has_its_own_place_and_number() -> None:
    numbers = [panel["id"] for panel in PANELS]
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["w"])
        for y in range(place["h"])
    ]

    assert len(set(numbers)) == len(PANELS)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def in_cloudwatch() -> Iterator[tuple[str, list[str]]]:
    """Yield each metric of ours that CloudWatch's dashboards take, and its dimensions."""
    for widget in (widget for body in BODIES.values() for widget in body["widgets"]):
        for metric in widget["properties"]["metrics"]:
            match metric:
                case [{"expression": str(expression)}]:
                    found = SEARCH.fullmatch(expression)
                    assert found, expression
                    yield found[2], found[1].split(",")
                case [str(namespace), str(name), *dimensions] if namespace == NAMESPACE:
                    yield name, [each for each in dimensions if isinstance(each, str)][::2]


def test_cloudwatch_shows_metrics_that_are_written_for_it_by_the_dimensions_that_they_have() -> None:
    for name, dimensions in in_cloudwatch():
        assert METRICS[name].embedded, name
        of_a_stream = "stream" in METRICS[name].labels
        assert dimensions == (["service", "stream"] if of_a_stream else ["service"]), name


def test_cloudwatch_shows_every_metric_that_is_written_for_it() -> None:
    written = {name for name, metric in METRICS.items() if metric.embedded}

    assert {name for name, _ in in_cloudwatch()} == written


@pytest.mark.parametrize("name", BODIES)
def test_a_dashboard_of_cloudwatch_names_what_there_is(name: str) -> None:
    body = json.dumps(BODIES[name])

    references = {each for each in re.findall(r"\$\{([A-Za-z:]+)\}", body) if not each.startswith("AWS::")}
    apis = {
        each for metrics in re.findall(r'"AWS/ApiGateway", "\w+", "ApiId", "\$\{(\w+)\}"', body) for each in [metrics]
    }
    assert references == apis
    assert references <= FULL.resources.keys()
