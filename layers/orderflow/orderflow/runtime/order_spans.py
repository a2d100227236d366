"""Spans of orders by OpenTelemetry's SDK, sent by OTLP over HTTP. Only imported where orders are traced."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import cache

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from orderflow import __version__
from orderflow.runtime.logging import get_logger
from orderflow.runtime.order_traces import Step

LINE_EVERY_S = 60.0
"""How often a line says that spans can't be sent, whose every attempt the exporter would log."""
FLUSH_MS = 2_000
"""How long an invocation on Lambda waits at most until its spans are out: afterwards its process is frozen."""


class _ExporterLog(logging.Handler):
    """Writes the exporter's records as our lines, one a minute at most."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._next_line = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if (now := time.monotonic()) >= self._next_line:
            self._next_line = now + LINE_EVERY_S
            get_logger("traces").warning("traces not sent", extra={"error": record.getMessage()})


class _OrderIds(RandomIdGenerator):
    """Gives the span of an order's whole life the ids that all others have been made for, and these random ones."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def of_order(self, order_id: str | None) -> None:
        """Have the next root span of this thread be that of an order; None: of none."""
        self._of_thread.order_id = order_id

    def generate_trace_id(self) -> int:
        order_id = getattr(self._of_thread, "order_id", None)
        return super().generate_trace_id() if order_id is None else trace_id_of(order_id)

    def generate_span_id(self) -> int:
        order_id = getattr(self._of_thread, "order_id", None)
        return super().generate_span_id() if order_id is None else root_id_of(order_id)


_ids = _OrderIds()


def trace_id_of(order_id: str) -> int:
    """Return the id of an order's trace: that of the order, a UUID, as a number."""
    return int(order_id.replace("-", ""), 16)


def root_id_of(order_id: str) -> int:
    """Return the id of the span of an order's whole life: the last 64 bits of the order's id, which are never all 0."""
    return trace_id_of(order_id) & (2**64 - 1)


@cache
def provider() -> TracerProvider:
    """Return what makes spans and sends them, in the background and in batches; what can't be sent is dropped."""
    made = TracerProvider(id_generator=_ids, resource=Resource.create({"service.name": "orderflow"}))
    exporters = logging.getLogger("opentelemetry")
    exporters.handlers, exporters.propagate = [_ExporterLog()], False
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


def export(steps: Sequence[Step], wholes: Sequence[Step]) -> None:
    """Send spans of what functions did with orders, and of the whole lives of others."""
    tracer = provider().get_tracer("orderflow", __version__)
    for step in steps:
        order_id = step.order_id
        parent = SpanContext(trace_id_of(order_id), root_id_of(order_id), is_remote=True, trace_flags=_SAMPLED)
        context = trace.set_span_in_context(NonRecordingSpan(parent))
        attributes = {"faas.name": step.function}
        _finish(tracer.start_span(step.function, context, _kind(step), attributes, start_time=step.started_ns), step)
    for whole in wholes:
        _ids.of_order(whole.order_id)
        try:
            # In a context of its own: not below whatever span this thread may be in.
            span = tracer.start_span(
                whole.function, trace.set_span_in_context(trace.INVALID_SPAN), start_time=whole.started_ns
            )
        finally:
            _ids.of_order(None)
        _finish(span, whole)
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        provider().force_flush(FLUSH_MS)


_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def _kind(step: Step) -> SpanKind:
    return SpanKind.CONSUMER if "messaging.system" in step.attributes else SpanKind.SERVER


def _finish(span: trace.Span, step: Step) -> None:
    span.set_attributes({"orderflow.order_id": step.order_id, **step.attributes})
    if step.error:
        span.set_status(Status(StatusCode.ERROR, step.error))
    span.end(step.ended_ns)
