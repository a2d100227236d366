"""Whether an order costs the same under each condition, and what those in flight take."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from tests.harness.bench.against import Pair, compare
from tests.harness.bench.flat import MIB, FlatResult, growth, show
from tests.support.bench_results import make_result

NEW = make_result(processor_us_per_order={"gateway": 200.0, "pollers": 800.0, "bench": 40.0})


def costing(pollers_us: float) -> FlatResult:
    other = replace(NEW, processor_us_per_order={"gateway": 200.0, "pollers": pollers_us, "bench": 400.0})
    return FlatResult({"a-day-old": compare([Pair(other=NEW, this=other)])}, [], clean=True)


@pytest.mark.parametrize(("pollers_us", "flat"), [(800, True), (899, True), (901, False), (701, True), (699, False)])
def test_a_tenth_more_or_less_is_flat_and_no_more(pollers_us: float, flat: bool) -> None:
    assert costing(pollers_us).flat is flat


def test_what_grows_is_said_by_order_and_by_process() -> None:
    few = 10_000, 50_000_000, {"gateway": 100 * MIB, "pollers": 200 * MIB, "postgres": 0}
    many = 100_000, 320_000_000, {"gateway": 101 * MIB, "pollers": 199 * MIB, "postgres": 500 * MIB}

    memory = growth(few, many)

    assert memory.orders == 100_000
    assert memory.redis_bytes_per_order == 3_000
    assert memory.grown_mib == {"gateway": 1, "pollers": -1}


def test_a_condition_that_costs_more_is_marked() -> None:
    written = StringIO()
    memory = growth((10, 0, {"pollers": 0}), (20, 30_000, {"pollers": MIB}))

    show(replace(costing(1_200), memory=[memory]), Console(file=written, width=140))

    [line] = [line for line in written.getvalue().splitlines() if "a-day-old" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "a-day-old",
        "1,000",
        "1,400",
        "1.40",
        "1.40 – 1.40",
        "NO",
    ]
    assert "20 orders in flight take 3,000 bytes of Redis each" in written.getvalue()
    assert "pollers +1.0" in written.getvalue()
