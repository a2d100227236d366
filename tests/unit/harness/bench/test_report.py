"""The bench's result: when it is clean, and how it is printed and written."""

from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from tests.harness.bench.report import show
from tests.support.bench_results import make_result


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
