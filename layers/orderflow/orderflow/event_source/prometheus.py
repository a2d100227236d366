"""Metrics as Prometheus scrapes them, by its library: what was recorded, and what is measured at a scrape, in text out.

No function imports this: on Lambda nothing could scrape it, and a cold start would wait for the library.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from orderflow.runtime.logging import get_logger
from orderflow.runtime.metrics import (
    BUCKETS_S,
    DIRECTORY,
    METRICS,
    Distribution,
    Kind,
    Metric,
    Unit,
    Values,
    in_prometheus_unit,
    prometheus_name,
)

LINE_EVERY_S = 60.0
"""How often a line says that metrics are lost."""

logger = get_logger("event_source")

Scrape = Callable[[str], "Exposition"]
"""From the header Accept of a scrape to its answer."""


class Exposition(NamedTuple):
    """The answer to a scrape."""

    body: bytes
    content_type: str


class PrometheusRecorder:
    """Keeps what this process records; processes that share a directory are shown by one scrape of any of them.

    There each has files by its `name`, which no other that runs has. One that is started again goes on in them: with
    files by process ids, as the library has them, there would be more after each start, and each scrape reads all.
    """

    def __init__(self, name: str = "") -> None:
        if name and os.environ.get(DIRECTORY):
            values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call] # the library has no types here
        # A series more for each, which older scrapers take for a metric of its own. The library has no types here.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._own = CollectorRegistry()
        self._instruments: dict[str, Counter | Histogram] = {}
        self._lock = threading.Lock()
        self._next_line_s = 0.0
        self._writers: dict[tuple[str, tuple[str, ...]], Callable[[float], None]] = {}

    def record(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """Add to a counter, or observe a value. Raises ValueError for a gauge, which is measured.

        Where its file can't be made (the disk is full, the directory gone) a line says so, and the value is lost: a
        batch whose work is done must not fail for that.
        """
        # The library finds the series of some labels in 1 µs, under a lock; this takes a tenth of that.
        writer = self._writers.get((name, labels))
        if writer is None:
            try:
                writer = self._writers[name, labels] = self._writer(METRICS[name], labels)
            except OSError as error:
                self._say_lost(name, error)
                return
        writer(value)

    def _say_lost(self, name: str, error: OSError) -> None:
        if (now := time.monotonic()) >= self._next_line_s:
            self._next_line_s = now + LINE_EVERY_S
            logger.warning("metrics are not kept", extra={"metric": name, "error": str(error)})

    def _writer(self, metric: Metric, labels: tuple[str, ...]) -> Callable[[float], None]:
        with self._lock:  # the registry takes each once
            if metric.name not in self._instruments:
                self._instruments[metric.name] = _instrument(metric, self._own)
        series = self._instruments[metric.name].labels(*labels)
        write = series.inc if isinstance(series, Counter) else series.observe
        return (lambda value: write(value / 1000)) if metric.unit is Unit.MILLISECONDS else write

    def expose(self, measured: Iterable[Values], accept: str = "") -> Exposition:
        """Return what is recorded, and what was `measured` just now, in the format that a scraper accepts."""
        registry = CollectorRegistry()
        if os.environ.get(DIRECTORY):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library has no types here
        else:
            registry.register(self._own)
        registry.register(_Measured(measured))
        encode, content_type = choose_encoder(accept)
        return Exposition(encode(registry), content_type)


class _Measured(Collector):
    def __init__(self, measured: Iterable[Values]) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Family]:
        for name, of in self._measured:
            yield _family(METRICS[name], of)


def _family(metric: Metric, of: Sequence[tuple[tuple[str, ...], float | Distribution]]) -> Family:
    names = (prometheus_name(metric), metric.help)
    times = HistogramMetricFamily(*names, labels=metric.labels)
    counter = CounterMetricFamily(*names, labels=metric.labels)
    gauge = GaugeMetricFamily(*names, labels=metric.labels)
    for labels, value in of:
        if isinstance(value, Distribution):
            bounds = [*map(str, BUCKETS_S), "+Inf"]
            times.add_metric(labels, list(zip(bounds, accumulate(value.counts), strict=True)), value.sum_s)
        else:
            (counter if metric.kind is Kind.COUNTER else gauge).add_metric(labels, in_prometheus_unit(metric, value))
    return {Kind.HISTOGRAM: times, Kind.COUNTER: counter, Kind.GAUGE: gauge}[metric.kind]


def _instrument(metric: Metric, registry: CollectorRegistry) -> Counter | Histogram:
    name = prometheus_name(metric)
    if metric.kind is Kind.COUNTER:
        return Counter(name, metric.help, metric.labels, registry=registry)
    if metric.kind is Kind.GAUGE:
        raise ValueError(f"{metric.name} is measured at a scrape, and can't be recorded")
    return Histogram(name, metric.help, metric.labels, buckets=BUCKETS_S, registry=registry)
