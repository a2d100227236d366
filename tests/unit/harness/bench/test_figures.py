"""Figures of several runs: medians and ranges."""

from io import StringIO

from rich.console import Console

from tests.harness.bench.figures import summarize, table_of_runs
from tests.harness.bench.report import BenchResult
from tests.harness.timings import Timings
from tests.support.bench_results import make_result


def result(per_s: float) -> BenchResult:
    return make_result(
        accepted_per_s=per_s,
        post_to_confirmed_ms=Timings.of([]),
        processor_us_per_order={"gateway": per_s / 10, "bench": 40.0},
    )


def test_each_figure_has_its_median_and_its_range() -> None:
    figures = {each.label: each for each in summarize([result(100), result(400), result(200)])}

    rate = figures["accepted orders per second"]
    assert (rate.median, rate.least, rate.most) == (200, 100, 400)
    assert figures["gateway, µs an order"].median == 20
    assert "→ confirmed, p50 ms" not in figures


def test_the_range_is_printed_by_the_median() -> None:
    written = StringIO()

    Console(file=written, width=120).print(table_of_runs(summarize([result(100), result(300)]), 2))

    [line] = [line for line in written.getvalue().splitlines() if "accepted" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "accepted orders per second",
        "200.0",
        "100.0 – 300.0",
        "100%",
    ]
