"""Metrics and traces, each only where it is asked for: both cost more than the work that they watch.

On Lambda metrics are lines of the log, by Powertools. A program that Prometheus scrapes has a recorder besides.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orderflow.runtime.metrics import METRICS

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import EphemeralMetrics

Event = TypeVar("Event")
Answer = TypeVar("Answer")


class Recorder(Protocol):
    """Keeps metrics until they are scraped."""

    def record(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """Add to the counter of this name, or observe a value; `value` is in the metric's own unit."""


_recorders: list[Recorder] = []


def record_in(recorder: Recorder) -> None:
    """Have what this process counts kept in `recorder`, beside the log."""
    _recorders[:] = [recorder]


def record(name: str, labels: tuple[str, ...], value: float) -> None:
    """Record one value where this process has a recorder; write nothing. `value` is in the metric's own unit."""
    for recorder in _recorders:
        recorder.record(name, labels, value)


def record_batch(function: str, counts: Mapping[str, int], elapsed_ms: float) -> None:
    """Record what became of a batch, and the time that it took; write nothing."""
    for recorder in _recorders:
        for name, value in counts.items():
            if value:
                recorder.record(name, (function,), value)
        recorder.record("elapsed", (function,), elapsed_ms)


def count(service: str, counts: Mapping[str, int], reason: str = "") -> None:
    """Record events, and write them as one CloudWatch embedded-metric line where a namespace is set.

    Prometheus has them by their `reason`, if they have one.
    """
    for name, value in counts.items():
        record(name, (service, reason) if reason else (service,), value)
    write(service, counts)


def count_batch(function: str, counts: Mapping[str, int], elapsed_ms: float) -> None:
    """Record what became of a batch, and write it as one line, with the time that it took."""
    record_batch(function, counts, elapsed_ms)
    write(function, {**counts, "elapsed": elapsed_ms})


def write(service: str, values: Mapping[str, float]) -> None:
    """Write values as one CloudWatch embedded-metric line, when POWERTOOLS_METRICS_NAMESPACE is set."""
    if not os.environ.get("POWERTOOLS_METRICS_NAMESPACE"):
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics

    # Ephemeral: the usual object is shared by a whole process, and the event source runs many functions in one.
    metrics = EphemeralMetrics(service=service)
    for name, value in values.items():
        add(metrics, name, value)
    write_line(metrics)


def add(metrics: "EphemeralMetrics", name: str, value: float) -> None:
    """Add the value of a metric to a line."""
    metrics.add_metric(name=name, unit=METRICS[name].unit.value, value=value)


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
