"""Metrics and traces by Powertools, each only where it is asked for: both cost more than the work that they watch."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import EphemeralMetrics

Event = TypeVar("Event")
Answer = TypeVar("Answer")


def count(function: str, counts: Mapping[str, int], elapsed_ms: float | None = None) -> None:
    """Write counts as one CloudWatch embedded-metric line, when POWERTOOLS_METRICS_NAMESPACE is set.

    Those of a batch come with the time that it took.
    """
    if not os.environ.get("POWERTOOLS_METRICS_NAMESPACE"):
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    # Ephemeral: the usual object is shared by a whole process, and the event source runs many functions in one.
    metrics = EphemeralMetrics(service=function)
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    if elapsed_ms is not None:
        metrics.add_metric(name="elapsed", unit=MetricUnit.Milliseconds, value=elapsed_ms)
    write_line(metrics)


def write_line(metrics: "EphemeralMetrics") -> None:
    """Write metrics as a line of their own, and begin with none again.

    In one piece: Powertools' own flush prints a line and its end apart, and what other threads write comes in between.
    """
    sys.stdout.write(json.dumps(metrics.serialize_metric_set(), separators=(",", ":")) + "\n")
    metrics.clear_metrics()


def traced(handler: Callable[[Event, Any], Answer]) -> Callable[[Event, Any], Answer]:
    """Return `handler` with its invocations traced by X-Ray, when TRACING is 1; else as it is."""
    if os.environ.get("TRACING") != "1":
        return handler
    from aws_lambda_powertools import Tracer

    traced_handler: Callable[[Event, Any], Answer] = Tracer().capture_lambda_handler(handler)
    return traced_handler
