"""The figures of runs side by side: of one build their medians and ranges, of two the ratios."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.harness.bench import processor_time
from tests.harness.bench.report import BenchResult
from tests.harness.tables import table_of_figures

Figure = Callable[[BenchResult], float]

FIGURES: dict[str, Figure] = {
    "end-to-end orders per second": lambda result: result.end_to_end_per_s,
    "accepted orders per second": lambda result: result.accepted_per_s,
    "processor time, µs an order": lambda result: result.system_us_per_order,
    "POST → 202, p50 ms": lambda result: result.post_to_202_ms.p50,
    "POST → 202, p99 ms": lambda result: result.post_to_202_ms.p99,
    "→ confirmed, p50 ms": lambda result: result.post_to_confirmed_ms.p50,
    "→ confirmed, p99 ms": lambda result: result.post_to_confirmed_ms.p99,
    "POST → 202, unloaded, p50 ms": lambda result: result.unloaded_post_ms.p50,
    "→ confirmed, unloaded, p50 ms": lambda result: result.unloaded_ms.p50,
    "→ confirmed, unloaded, p99 ms": lambda result: result.unloaded_ms.p99,
    "beyond the simulated time, p99 ms": lambda result: result.beyond_simulated_ms.p99,
}


def figures_of(results: Sequence[BenchResult]) -> dict[str, Figure]:
    """Return every figure by what it is called, the processor time of each kind of process included."""
    parts = {kind for result in results for kind in result.processor_us_per_order} - {processor_time.OWN}
    return FIGURES | {
        f"{kind}, µs an order": lambda result, kind=kind: result.processor_us_per_order.get(kind, 0.0)
        for kind in sorted(parts)
    }


@dataclass(frozen=True, slots=True)
class Range:
    """A figure of several runs: its median and its range."""

    label: str
    median: float
    least: float
    most: float


def summarize(results: Sequence[BenchResult]) -> list[Range]:
    """Return every figure that was measured in all runs."""
    rows = {label: [figure(result) for result in results] for label, figure in figures_of(results).items()}
    return [
        Range(label, statistics.median(values), min(values), max(values))
        for label, values in rows.items()
        if all(values)
    ]


def table_of_runs(ranges: Sequence[Range], runs: int) -> Table:
    """Return a table with the medians of `runs` runs and how far they lie apart."""
    table = table_of_figures(f"{runs} runs", "median", "range", "range by median")
    for each in ranges:
        apart = (each.most - each.least) / each.median
        table.add_row(each.label, f"{each.median:,.1f}", f"{each.least:,.1f} – {each.most:,.1f}", f"{apart:.0%}")
    return table
