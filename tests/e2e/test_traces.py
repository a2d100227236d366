"""An order's whole way as one trace, as a collector gets it from a running system."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import place_many
from tests.support.waiting import eventually

STAGES = {"accept_order", "route_order", "build_order", "submit_order", "produce_block", "confirm_order"}
FUNCTIONS = STAGES | {"publish_status", "record_order"}


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Lend the URL of a collector, and the list of the spans that it has got."""
    spans: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def traced(
    monkeypatch: pytest.MonkeyPatch, new_run: Callable[..., OwnSystem]
) -> Iterator[tuple[OwnSystem, list[Span]]]:
    with collector() as (url, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        run = new_run(SPEED="0", TRACE_ORDERS="1", DROP_RATE="0")
        run.start()
        yield run, spans


def test_the_way_of_an_order_is_one_trace_below_its_whole_life(traced: tuple[OwnSystem, list[Span]]) -> None:
    run, spans = traced
    (order_id,) = place_many(run.url, 1)
    trace_id = bytes.fromhex(order_id.replace("-", ""))

    def of_order() -> dict[str, list[Span]]:
        named: dict[str, list[Span]] = {}
        for span in list(spans):
            if span.trace_id == trace_id:
                named.setdefault(span.name, []).append(span)
        return named

    eventually(lambda: of_order().keys() >= FUNCTIONS | {"order"})
    named = of_order()
    (whole,) = named["order"]
    assert not whole.parent_span_id
    children = [span for name in FUNCTIONS for span in named[name]]
    assert {span.parent_span_id for span in children} == {whole.span_id}
    assert all(whole.start_time_unix_nano <= span.end_time_unix_nano for span in children)
    firsts = [named[stage][0].start_time_unix_nano for stage in ("route_order", "build_order", "submit_order")]
    assert firsts == sorted(firsts)
    assert len({span.span_id for span in [whole, *children]}) == 1 + len(children)
