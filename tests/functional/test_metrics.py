"""What a function says of its work: metrics where they are asked for, and one log line, as text or as JSON."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime.batch import StreamEvent
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import traced
from orderflow.runtime.stage import run_stage
from tests.support.builders import NOW_MS, make_order, nth_id, order_records
from tests.support.fakes.outside import Outside

_numbers = count(1)


@pytest.fixture
def stage() -> str:
    """Return a name that no logger has yet: one is kept as it was made, with the output of its time."""
    return f"stage_{next(_numbers)}"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POWERTOOLS_METRICS_NAMESPACE", "LOG_FORMAT", "LOG_LEVEL", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)


Decision = Callable[[Order], Transition]


def fail(order: Order) -> Transition:
    return Transition(order.fail("no venue trades it", NOW_MS))


def run(stage: str, decide: Decision = fail, orders: int = 1) -> None:
    pending = (make_order(Status.PENDING, order_id=nth_id(number)) for number in range(orders))
    run_stage(
        stage,
        order_records("route", *pending),
        read=lambda _orders: None,
        decide=lambda order, _nothing, _now_ms: decide(order),
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(capsys)]


def test_a_batch_is_counted_in_one_embedded_metric_line_where_a_namespace_is_set(
    outside: Outside, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    outside.orders.sequences[nth_id(0)] = 4

    run(stage, orders=3)

    (line,) = json_lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Orderflow"
    assert directive["Dimensions"] == [["service"]]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "records": "Count",
        "failures": "Count",
        "stale": "Count",
        "elapsed": "Milliseconds",
    }
    assert (line["service"], line["records"], line["failures"], line["stale"]) == (stage, [3.0], [0.0], [1.0])
    assert line["elapsed"][0] > 0


def test_a_metric_line_is_written_in_one_piece_so_that_no_other_threads_line_gets_into_it(
    outside: Outside, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    written: list[str] = []
    monkeypatch.setattr("sys.stdout.write", written.append)

    run(stage)

    assert [(text[0], text[-2:]) for text in written] == [("{", "}\n")]


def test_without_a_namespace_nothing_is_counted(
    outside: Outside, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")

    run(stage)

    assert lines(capsys) == []


def test_a_batch_of_one_order_is_one_readable_line_that_names_it(
    outside: Outside, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(stage)

    (line,) = lines(capsys)
    words = line.split()
    assert words[1:4] == ["INFO", stage, "batch"]
    assert f"order_id={nth_id(0)} sequence=2 status_to=failed reason=no venue trades it elapsed_ms=" in line
    assert "records=1" in words
    assert "failures=0" not in words
    assert "None" not in line


def test_a_batch_of_many_orders_is_one_line_that_counts_them(
    outside: Outside, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(stage, orders=20)

    (line,) = lines(capsys)
    assert "records=20" in line.split()
    assert "order_id" not in line


def test_json_lines_have_the_same_keys(
    outside: Outside, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")

    run(stage)

    (line,) = json_lines(capsys)
    assert line["elapsed_ms"] > 0
    assert {
        key: line[key]
        for key in (
            "level",
            "message",
            "service",
            "partition",
            "records",
            "order_id",
            "sequence",
            "status_to",
            "reason",
        )
    } == {
        "level": "INFO",
        "message": "batch",
        "service": stage,
        "partition": order_records("route", make_order(order_id=nth_id(0)))["Records"][0]["partition"],
        "records": 1,
        "order_id": nth_id(0),
        "sequence": 2,
        "status_to": "failed",
        "reason": "no venue trades it",
    }


def test_on_lambda_lines_are_json_unless_set_otherwise(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orderflow-RouteOrder")
    get_logger(stage).info("batch", extra={"records": 2})
    monkeypatch.setenv("LOG_FORMAT", "text")
    get_logger(f"{stage}_text").info("batch", extra={"records": 2})

    as_json, as_text = lines(capsys)
    assert json.loads(as_json)["records"] == 2
    assert as_text.endswith("batch  records=2")


def test_the_level_says_what_is_written(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    logger = get_logger(stage)

    logger.info("not this")
    logger.warning("this")

    (line,) = lines(capsys)
    assert line.split()[1:] == ["WARNING", stage, "this"]


def refuse(error: Exception) -> Decision:
    def decide(order: Order) -> Transition:
        raise error

    return decide


def test_a_record_that_has_to_wait_is_a_line_without_a_traceback(
    outside: Outside, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(stage, refuse(RetryableError("not landed yet")))

    (line,) = lines(capsys)
    assert line.split()[1] == "WARNING"
    assert f"record failed  message_id={NOW_MS}-0 attempt=1 error=not landed yet" in line


def test_a_bug_is_a_line_with_its_traceback(outside: Outside, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(stage, refuse(KeyError("meteora")))

    written = capsys.readouterr().out
    assert "record failed" in written
    assert "Traceback (most recent call last):" in written
    assert "KeyError: 'meteora'" in written


def test_a_rejection_is_no_failure(outside: Outside, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(stage, refuse(RejectedError("no venue trades it")))

    (line,) = lines(capsys)
    assert "status_to=failed reason=no venue trades it" in line


def test_a_function_is_not_traced_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(event: StreamEvent, context: Any) -> StreamEvent:
        return event

    monkeypatch.delenv("TRACING", raising=False)
    assert traced(handler) is handler
