"""The routing bench measures what it says, on one market."""

from io import StringIO

from rich.console import Console

from tests.harness.bench.routing import SIZES_USD, run_routing_bench, show
from tests.harness.timings import percentile


def test_the_bench_finds_splits_and_routes_no_worse_than_one_venue_and_near_their_dual_bounds() -> None:
    result = run_routing_bench(seed=1, markets=1, repeats=1, slots=(50,))

    for rows in (result.splits, result.routes):
        assert [row.size_usd for row in rows] == list(SIZES_USD)
        for row in rows:
            assert min(row.over_pool) >= 0
            assert min(row.over_venue) >= -0.01
            assert len(row.gap) == len(row.legs) == len(row.plan_us)
    assert max(gap for row in result.splits for gap in row.gap) <= 0.01
    assert percentile(sorted(gap for row in result.routes for gap in row.gap), 90) <= 0.5
    assert result.curves_ms > 0


def test_the_report_has_a_line_for_every_size() -> None:
    output = StringIO()

    show(run_routing_bench(seed=2, markets=1, repeats=1, slots=(50,)), Console(file=output, width=160))

    for market in ("at its opening", "after 50 slots", "all ages"):
        assert output.getvalue().count(f"│ {market} ") == 1
    for size in SIZES_USD:
        assert output.getvalue().count(f"│ ${size:,} ") == 2
