"""What is counted of a function's batches: what failed as a whole, waits, is tried again or is given up."""

from typing import Any

import pytest

from orderflow.errors import RetryableError
from orderflow.event_source import mapped_function
from orderflow.event_source.mapping import EventSourceMapping
from tests.support.kept_metrics import Kept, kept_metrics
from tests.support.poller_bench import ORDERED, STAGE, Bench, entries, failing, in_turn, poisoned

NAMES = ("errors", "waits", "retries", "given_up")


def counted(bench: Bench, *batch: str, attempt: int = 1) -> dict[Any, float]:
    with kept_metrics() as kept:
        bench.run(entries(*batch, attempt=attempt))
    return kept.sums(*NAMES)


@pytest.mark.parametrize("mapping", [STAGE, ORDERED])
def test_a_batch_that_is_done_counts_nothing(mapping: EventSourceMapping) -> None:
    assert counted(Bench(in_turn(None), mapping), "1-0", "2-0") == {}


def test_records_that_failed_are_tried_again_each() -> None:
    assert counted(Bench(failing("1-0", "3-0")), "1-0", "2-0", "3-0") == {("retries", "route_order"): 2}


def test_where_order_counts_only_the_first_is_tried_again() -> None:
    bench = Bench(in_turn({"batchItemFailures": [{"itemIdentifier": "1-0"}]}, None), ORDERED)

    assert counted(bench, "1-0", "2-0") == {("retries", "publish_status"): 1}


def test_invocations_that_failed_as_a_whole_are_counted_each() -> None:
    # The batch, the half with the culprit, and the culprit.
    assert counted(Bench(poisoned("2-0")), "1-0", "2-0", "3-0", "4-0") == {
        ("errors", "route_order"): 3,
        ("retries", "route_order"): 1,
    }


def test_a_record_that_is_given_up_is_not_tried_again() -> None:
    assert counted(Bench(failing("1-0")), "1-0", attempt=4) == {("given_up", "route_order"): 1}


def test_each_wait_of_a_batch_is_counted() -> None:
    unavailable = RetryableError("Redis can't be reached")

    assert counted(Bench(in_turn(unavailable, unavailable, None)), "1-0") == {("waits", "route_order"): 2}


def test_of_a_batch_the_oldest_record_is_dated_once_however_often_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_function, "now_ms", lambda: 5_000)
    kept: Kept
    with kept_metrics() as kept:
        Bench(in_turn(RetryableError("not now"), None)).run(entries("4700-0", "4900-0"))

    assert kept.values["record_age_ms", "route_order"] == [300]
