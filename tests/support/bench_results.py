"""Results of the bench, for the tests of what it makes of them."""

from typing import Any

from tests.harness.bench.load import Load
from tests.harness.bench.report import BenchResult
from tests.harness.timings import Timings


def make_result(**changes: Any) -> BenchResult:
    """Return the result of a run of ten orders that were all confirmed, with `changes`."""
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
