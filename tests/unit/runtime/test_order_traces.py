"""What becomes a span of which order's trace."""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orderflow.domain.status import Status
from orderflow.runtime import order_spans, order_traces
from orderflow.runtime.batch import StreamRecord
from orderflow.runtime.order_ids import made_at_ms, new
from orderflow.runtime.order_spans import root_id_of, trace_id_of
from orderflow.runtime.order_traces import Step
from tests.support.builders import nth_id, order_at

Exported = list[tuple[Sequence[Step], Sequence[Step]]]


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    order_traces.share.cache_clear()
    order_traces.pause.until_s = 0.0
    yield
    order_traces.pause.until_s = 0.0
    order_traces.share.cache_clear()


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exported:
    monkeypatch.setenv("TRACE_ORDERS", "1")
    kept: Exported = []
    monkeypatch.setattr(order_spans, "export", lambda steps, wholes: kept.append((steps, wholes)))
    return kept


def record(data: dict[str, str], message_id: str = "1763835240000-0") -> StreamRecord:
    return StreamRecord(messageId=message_id, eventSource="redis", stream="route", partition="p0", attempt=2, data=data)


def test_a_record_that_names_its_order_is_a_span_that_says_how_long_it_waited(exported: Exported) -> None:
    order_id = nth_id(1)

    order_traces.trace_batch(
        "route_order", [record({"order": f"{order_id} 1"})], [], 1_763_835_240_250 * order_traces.MS, {}
    )

    ((step,), wholes) = exported[0]
    assert not wholes
    assert (step.function, step.order_id, step.error) == ("route_order", order_id, "")
    assert step.attributes["orderflow.waited_ms"] == 250
    assert step.attributes["orderflow.attempt"] == 2
    assert step.attributes["messaging.destination.name"] == "route"


def test_a_record_that_failed_is_a_span_that_says_why(exported: Exported) -> None:
    order_traces.trace_batch(
        "route_order", [record({"order": f"{nth_id(1)} 1"}, "5-0")], [], 0, {"5-0": "KeyError: SOL"}
    )

    assert exported[0][0][0].error == "KeyError: SOL"


@pytest.mark.parametrize("data", [{"tick": "{}"}, {"order": '{"heartbeat":true}'}, {"order_id": "orders:local"}])
def test_a_record_about_no_order_is_no_span(exported: Exported, data: dict[str, str]) -> None:
    order_traces.trace_batch("trigger_orders", [record(data)], [], 0, {})

    assert exported == []


def test_the_whole_life_of_an_order_begins_with_its_id_and_ends_with_its_last_step(exported: Exported) -> None:
    order_id = nth_id(1)

    order_traces.trace_end(order_id, Status.FAILED, 4_102_444_800_000, "price moved")

    ((), (whole,)) = exported[0]
    assert whole.started_ns == made_at_ms(order_id) * order_traces.MS
    assert whole.ended_ns == 4_102_444_800_000 * order_traces.MS
    assert whole.error == "price moved"


@pytest.mark.parametrize(("share", "least", "most"), [("0", 0, 0), ("0.25", 150, 350), ("1", 1000, 1000)])
def test_as_many_orders_are_traced_as_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, share: str, least: int, most: int
) -> None:
    monkeypatch.setenv("TRACE_ORDERS", share)

    assert least <= sum(order_traces.is_traced(new()) for _ in range(1000)) <= most


def test_an_order_that_took_a_step_without_a_record_of_its_own_is_a_span(
    exported: Exported,
) -> None:
    order_traces.trace_batch("trigger_orders", [record({"tick": "{}"})], [order_at(Status.ROUTING)], 0, {})

    assert exported[0][0][0].attributes["orderflow.status"] == "routing"


def test_the_trace_of_an_order_is_its_id_and_no_span_has_the_id_0() -> None:
    order_id = "01a20477-0e28-7d4b-8000-000000000000"

    assert f"{trace_id_of(order_id):032x}" == order_id.replace("-", "")
    assert root_id_of(order_id) != 0


def test_only_what_a_function_did_names_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=order_spans._ids)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(order_spans, "provider", lambda: provider)

    order_spans.export([Step("route_order", nth_id(1), 1, 2, {})], [Step("order", nth_id(1), 1, 3, {})])

    stage, whole = kept.get_finished_spans()
    assert dict(stage.attributes or {}) == {"orderflow.order_id": nth_id(1), "faas.name": "route_order"}
    assert dict(whole.attributes or {}) == {"orderflow.order_id": nth_id(1)}
    assert stage.parent
    assert whole.context
    assert stage.parent.span_id == whole.context.span_id


def test_no_batch_fails_for_its_traces_which_are_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRACE_ORDERS", "1")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")  # less than a batch, which the library refuses
    order_spans.provider.cache_clear()

    order_traces.trace_request("accept_order", [nth_id(1)], 0)
    order_traces.trace_end(nth_id(1), Status.CONFIRMED, 5, None)

    assert [line.message for line in caplog.records if line.name.endswith("traces")] == ["orders can't be traced"]
    tried: Exported = []
    monkeypatch.setattr(order_spans, "export", lambda steps, wholes: tried.append((steps, wholes)))
    order_traces.pause.until_s -= order_traces.PAUSE_S
    order_traces.trace_end(nth_id(1), Status.CONFIRMED, 5, None)
    assert len(tried) == 1
