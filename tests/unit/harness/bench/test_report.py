"""The bench's result: when it is clean, and how it is printed and written."""

from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from tests.harness.bench.load import Load
from tests.harness.bench.report import BenchResult, show
from tests.harness.timings import Timings


def make_result(**changes: Any) -> BenchResult:
    values: dict[str, Any] = {
        "url": "http://there",
        "speed": 0.0,
        "load": Load(orders=10, concurrency=2),
        "accepted": 10,
        "refused": {},
        "accepted_per_s": 1234.56789,
        "end_to_end_per_s": 1000.0,
        "post_to_202_ms": Timings.of([1.0, 2.0]),
        "post_to_confirmed_ms": Timings.of([10.00049, 20.0]),
        "confirmed": 10,
        "failed": 0,
        "never_ended": 0,
        "statuses_delivered": 50,
        "statuses_expected": 50,
        "ledger_orders": 10,
        "processor_us_per_order": {"gateway": 100.0, "redis": 50.0, "bench": 70.0},
    }
    return BenchResult(**values | changes)


@pytest.mark.parametrize(
    "flaw",
    [
        {"refused": {"503": 1}},
        {"never_ended": 1},
        {"ledger_orders": 9},
        {"ledger_orders": 11},
        {"statuses_delivered": 49},
    ],
)
def test_a_run_with_any_flaw_is_not_clean(flaw: dict[str, Any]) -> None:
    assert make_result().clean
    assert not make_result(**flaw).clean


def test_failed_orders_are_counted_like_any_other() -> None:
    assert make_result(confirmed=9, failed=1, statuses_delivered=48, statuses_expected=48).clean


def test_the_result_for_machines_leaves_the_bench_out_of_the_sum() -> None:
    document = make_result().to_dict()

    assert document["system_us_per_order"] == 150
    assert document["accepted_per_s"] == 1234.568
    assert document["post_to_confirmed_ms"]["minimum"] == 10.0
    assert orjson.loads(orjson.dumps(document)) == document


def test_the_result_for_people_says_what_went_wrong() -> None:
    written = StringIO()

    show(make_result(refused={"503 [try later]": 3}), Console(file=written, width=100, color_system=None))

    assert "refused 3 times: 503 [try later]" in written.getvalue()
    assert "1,235" in written.getvalue()
    assert "NO" in written.getvalue()
