"""Every metric: what it is called, its unit and its meaning. What writes metrics, and what shows them, goes by this.

CloudWatch has a metric by its name as it stands here, and Prometheus by the name that `prometheus_name` makes of it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which Prometheus' library is given the directory where the processes of one system share what they
record."""

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The bounds by which times are counted in a histogram."""


class Kind(StrEnum):
    """How values of a metric come together: they add up, the last one holds, or how many were how large."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """Units as CloudWatch calls them; Prometheus has its base units, so milliseconds are seconds there."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"


class Metric(NamedTuple):
    """A metric: `help` says what it is, `labels` what it is apart by in Prometheus.

    One that is not `embedded` is not written for CloudWatch, which has it from AWS itself or not at all.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: Unit = Unit.COUNT
    embedded: bool = True


_OF_A_BATCH = (
    ("records", "Records that functions were handed"),
    ("failures", "Records that a function reported as failed"),
    ("stale", "Records for a step that their order had taken already"),
    ("stepped", "Orders that ticks of prices have moved"),
    ("steps", "Steps of orders that were written to the ledger"),
    ("messages", "Messages that were sent to sockets"),
    ("retries", "Records that are tried again after they have failed"),
    ("errors", "Invocations that failed as a whole"),
    ("waits", "Batches that wait for something unavailable"),
    ("given_up", "Records that became dead letters"),
)
_OF_AN_EVENT = (
    ("refused", "Requests, frames and connections that were refused, by the limit or the reason"),
    ("denied", "Requests that no valid key came with, or none that may do that"),
    ("too many requests", "Requests beyond a limit of their account"),
    ("not counted", "Requests that could not be counted against a limit"),
    ("unavailable", "Lookups of keys that a store did not answer"),
    ("unhealthy", "Times that a store did not answer the health check"),
    ("fault", "Errors that nobody expected"),
    ("server", "Lines that the gateway's HTTP library has logged"),
)
_OF_A_STREAM, _OF_A_PARTITION = ("partition", "stream"), ("partition",)
_HERE: Final = False

METRICS: Final = {
    metric.name: metric
    for metric in (
        *(Metric(name, Kind.COUNTER, text, ("service",)) for name, text in _OF_A_BATCH),
        Metric("elapsed", Kind.HISTOGRAM, "Time that a batch took", ("service",), Unit.MILLISECONDS),
        Metric(
            "record_age_ms",
            Kind.HISTOGRAM,
            "Age of the oldest record of a batch when its function was handed it",
            ("service",),
            Unit.MILLISECONDS,
            _HERE,
        ),
        *(Metric(name, Kind.COUNTER, text, ("service", "reason")) for name, text in _OF_AN_EVENT),
        Metric("lag", Kind.GAUGE, "Records of a stream that wait or are worked on", _OF_A_STREAM),
        Metric("age_ms", Kind.GAUGE, "Age of a stream's oldest record", _OF_A_STREAM, Unit.MILLISECONDS),
        Metric("timers", Kind.GAUGE, "Messages that wait for their time", _OF_A_PARTITION),
        Metric(
            "timers_late_ms",
            Kind.GAUGE,
            "How long ago the time of the first message that waits for it has come",
            _OF_A_PARTITION,
            Unit.MILLISECONDS,
        ),
        Metric("resting", Kind.GAUGE, "Orders that wait for their price, their time or a launch", _OF_A_PARTITION),
        Metric("dead_letters", Kind.GAUGE, "Records that were given up and not redriven", _OF_A_PARTITION),
        Metric("partitions", Kind.GAUGE, "Partitions whose leases are held", (), embedded=_HERE),
        Metric("store_up", Kind.GAUGE, "1 where a store answered when last asked, else 0", ("store",), embedded=_HERE),
        Metric("slot", Kind.GAUGE, "Slot of the market's latest block", (), embedded=_HERE),
        Metric(
            "request_ms",
            Kind.HISTOGRAM,
            "Time from a request's head to the end of its answer",
            ("method", "route", "status"),
            Unit.MILLISECONDS,
            _HERE,
        ),
        Metric("sockets", Kind.GAUGE, "Sockets that are open", (), embedded=_HERE),
        Metric("frames", Kind.COUNTER, "Frames in from clients and out to them", ("direction",), embedded=_HERE),
    )
}


class Distribution:
    """How many times were how long, and their sum; for one thread, at a tenth of what the library's own costs."""

    def __init__(self) -> None:
        self.sum_s = 0.0
        self.counts = [0] * (len(BUCKETS_S) + 1)
        """By the first bound of BUCKETS_S that is not exceeded; behind them, of those that exceed all."""

    def observe(self, seconds: float) -> None:
        """Count a time."""
        self.sum_s += seconds
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1


class Values(NamedTuple):
    """What a metric is just now, for each tuple of labels: a value in the metric's own unit, or for a histogram all."""

    name: str
    of: Sequence[tuple[tuple[str, ...], float]] | Sequence[tuple[tuple[str, ...], Distribution]]


def prometheus_name(metric: Metric) -> str:
    """Return a metric's name in Prometheus, without what the samples of a histogram end in.

    `orderflow_`, the name with `_` for spaces and without `_ms`, `_seconds` for what is milliseconds here, and `_total`
    for what is counted.
    """
    name = "orderflow_" + metric.name.replace(" ", "_").removesuffix("_ms")
    if metric.unit is Unit.MILLISECONDS:
        name += "_seconds"
    return name + "_total" if metric.kind is Kind.COUNTER else name


def in_prometheus_unit(metric: Metric, value: float) -> float:
    """Return a value of a metric as Prometheus has it: seconds for milliseconds."""
    return value / 1000 if metric.unit is Unit.MILLISECONDS else value
