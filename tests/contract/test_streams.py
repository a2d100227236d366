"""The template's streams against the table of an order's life and the code: who writes each, and who reads it."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from functions.publish_reports.engine import OF_MARKET, OF_ORDERS
from local.template import Template, read_template
from orderflow.adapters.codec import order_decoder
from orderflow.adapters.reports import STREAM as REPORTS
from orderflow.domain.lifecycle import (
    EXPIRED_STREAM,
    LIFECYCLE,
    RESTING,
    RESULT_STREAM,
    SLICE_ENDED,
    SNIPING,
    STREAMS,
    TERMINAL,
    first_stream,
)
from orderflow.domain.status import Status
from orderflow.event_source.mapping import ORDERS, EventSourceMapping
from tests.support.builders import read_event
from tests.support.lifecycle import TICKS, TRANSACTIONS
from tests.support.recorded import read_recording, recordings

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
# What is beside the stages, with its readers: the venue's own streams, the orders whose time is over, the slices that
# have ended, and the statuses.
VENUE, FIRING, EXPIRING, SETTLING = "produce_block", "trigger_orders", "expire_order", "settle_slice"
STATUSES = "status"
REPORTING = "publish_reports"
BESIDE = {
    TRANSACTIONS: [VENUE],
    TICKS: [FIRING],
    EXPIRED_STREAM: [EXPIRING],
    SLICE_ENDED: [SETTLING],
    STATUSES: ["publish_status", "record_order"],
    REPORTS: [REPORTING],
}
FRONT_DOOR, CHANGING, SUBSCRIBING = "accept_order", "change_orders", "watch_order"
RESTS_AT = first_stream(Status.OPEN) or ""

STAGES = [binding for binding in TEMPLATE.event_sources if binding.stream in STREAMS]

every_binding = pytest.mark.parametrize("binding", TEMPLATE.event_sources, ids=lambda binding: binding.function)
every_stage = pytest.mark.parametrize("binding", STAGES, ids=lambda binding: binding.function)


def differences(template: Template) -> list[str]:
    """Return where a template is not as the table of an order's life wants it; nothing when it is."""
    read = _by_stream(template)
    wrong = [f"{stream} is read by {read.get(stream, [])}" for stream in STREAMS if len(read.get(stream, [])) != 1]
    wrong += [f"{stream} is read by {read[stream]}" for stream in read.keys() - {*STREAMS, *BESIDE}]
    wrong += [
        f"{stream} is read by {read.get(stream, [])}"
        for stream, readers in BESIDE.items()
        if read.get(stream, []) != readers
    ]
    if wrong:
        return sorted(wrong)
    reader = {stream: functions[0] for stream, functions in read.items()}
    wanted: dict[str, set[str]] = {}
    for producer, stream in _writes(reader):
        wanted.setdefault(producer, set()).add(stream)
    declared = {function.name: set(function.produces) for function in template.functions}
    return [
        f"{name} produces {sorted(produces)}, and should {sorted(wanted.get(name, set()))}"
        for name, produces in declared.items()
        if produces != wanted.get(name, set())
    ]


def _writes(reader: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each function with a stream that it writes, given which function reads which stream."""
    for waits in (False, True):
        yield FRONT_DOOR, first_stream(Status.PENDING, waits=waits) or ""
    # Each step is a status, any stage may fail an order, and a subscription is an entry too.
    for function in (
        FRONT_DOOR,
        CHANGING,
        SUBSCRIBING,
        FIRING,
        EXPIRING,
        SETTLING,
        *(reader[stream] for stream in STREAMS),
    ):
        yield function, STATUSES
    # The venue says when a transaction has landed, what the market is like then, and that its clock goes on.
    yield from ((VENUE, stream) for stream in (RESULT_STREAM, TICKS, TRANSACTIONS))
    # The clock goes on as long as an order rests.
    yield reader[RESTS_AT], TRANSACTIONS
    # Nor does it stop as long as somebody follows the market, which is by a subscription.
    yield REPORTING, TRANSACTIONS
    for function in (SUBSCRIBING, REPORTING):
        yield function, REPORTS
    # One whose time is not over yet comes again.
    yield EXPIRING, EXPIRED_STREAM
    for row in LIFECYCLE.values():
        for stream, following in pairwise(row.streams):
            yield reader[stream], following
        # Each stage may refuse an order; only the last one gives it its status.
        for stream in filter(None, (*row.streams, row.waiting)):
            yield from ((reader[stream], led_to) for led_to in _led_to(row.followers - {row.then}))
        for stream in row.streams[-1:]:
            yield from ((reader[stream], led_to) for led_to in _led_to({row.then}))
    # A launch fires orders onto a stream of their own, on which they come again when they are refused.
    for stream in SNIPING:
        for function in (reader[RESTS_AT], FIRING, reader[stream], reader[RESULT_STREAM]):
            yield function, stream
        yield from ((reader[stream], led_to) for led_to in _led_to({Status.SUBMITTED}))
    for status in RESTING:
        yield from ((FIRING, led_to) for led_to in _led_to(LIFECYCLE[status].followers))
    yield from ((EXPIRING, led_to) for led_to in _led_to({Status.EXPIRED}))
    # A client cancels an order, which may be a slice, or amends it.
    yield from ((CHANGING, led_to) for led_to in _led_to({Status.CANCELLED, Status.OPEN}))
    # What a slice is a part of rests on, or has ended; it is no slice itself.
    yield from ((SETTLING, led_to) for led_to in _led_to(RESTING))


def _led_to(statuses: Iterable[Status | None]) -> Iterator[str]:
    """Yield the streams on which an order may be put with a step to one of some statuses."""
    for status in filter(None, statuses):
        if status in TERMINAL:
            yield SLICE_ENDED
        elif LIFECYCLE[status].at_venue:
            # The stage before finds that one had its result before.
            yield from (TRANSACTIONS, RESULT_STREAM)
        else:
            yield first_stream(status) or ""


def _by_stream(template: Template) -> dict[str, list[str]]:
    read: dict[str, list[str]] = {}
    for binding in template.event_sources:
        read.setdefault(binding.stream, []).append(binding.function)
    return read


def doctored(tmp_path: Path, wrong: str, right: str) -> Template:
    """Return the template with a text in place of another one."""
    text, times = re.subn(right, wrong, (ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert times == 1
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return read_template(path)


def producing(tmp_path: Path, function: str, streams: Sequence[str]) -> Template:
    """Return the template in which a function says that it produces `streams`."""
    up_to_its_streams = rf"(CodeUri: functions/{function}\n(?:(?!CodeUri).|\n)*?)Produces: \[.*\]"
    return doctored(tmp_path, rf"\1Produces: [{', '.join(streams)}]", up_to_its_streams)


def test_the_streams_are_written_and_read_as_the_table_of_an_order_s_life_has_it() -> None:
    assert differences(TEMPLATE) == []


@pytest.mark.parametrize("stream", [*STREAMS, *(stream for stream in BESIDE if stream != STATUSES)])
def test_a_stage_that_the_template_does_not_have_is_noticed(stream: str, tmp_path: Path) -> None:
    missing = doctored(tmp_path, "", rf" +EventSource: {{Stream: {stream}, .*\n")

    assert differences(missing) == [f"{stream} is read by []"]


def test_a_stage_that_the_table_does_not_have_is_noticed(tmp_path: Path) -> None:
    strange = doctored(tmp_path, r"EventSource: {Stream: price, Scope: orders,", r"EventSource: {Stream: submit,")

    assert differences(strange) == ["price is read by ['submit_order']", "submit is read by []"]


@pytest.mark.parametrize(
    ("function", "stream"), [(function.name, stream) for function in TEMPLATE.functions for stream in function.produces]
)
def test_a_stream_that_a_function_does_not_declare_is_noticed(function: str, stream: str, tmp_path: Path) -> None:
    right = TEMPLATE.function(function).produces
    declared = [each for each in right if each != stream]

    changed = producing(tmp_path, function, declared)

    assert differences(changed) == [f"{function} produces {sorted(declared)}, and should {sorted(right)}"]


@pytest.mark.parametrize("function", [binding.function for binding in TEMPLATE.event_sources])
def test_a_stream_that_a_function_should_not_write_is_noticed(function: str, tmp_path: Path) -> None:
    right = TEMPLATE.function(function).produces
    declared = [*right, next(stream for stream in (*STREAMS, STATUSES) if stream not in right)]

    changed = producing(tmp_path, function, declared)

    assert differences(changed) == [f"{function} produces {sorted(declared)}, and should {sorted(right)}"]


@every_stage
def test_a_stage_reads_orders_of_the_status_that_waits_on_its_stream(binding: EventSourceMapping) -> None:
    orders = [order_decoder.decode(record["data"]["order"]) for record in read_event(binding.function)["Records"]]

    rows = [(LIFECYCLE[order.status], order.request.waits) for order in orders]
    waits_on = [(row.waiting,) if waits and row.waiting else (*row.streams, row.sniping) for row, waits in rows]
    assert {binding.stream in streams for streams in waits_on} == {True}


@every_binding
def test_a_function_names_no_stream_since_an_order_goes_where_its_status_leads(binding: EventSourceMapping) -> None:
    modules = (ROOT / "functions" / binding.function).glob("*.py")
    nodes = [node for module in modules for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))]

    named = [node.value for node in nodes if isinstance(node, ast.Constant) and node.value in STREAMS]

    assert named == []


def test_a_report_of_the_engine_has_every_stream() -> None:
    by_scope = {each.scope == ORDERS: set[str]() for each in TEMPLATE.event_sources}
    for each in TEMPLATE.event_sources:
        by_scope[each.scope == ORDERS].add(each.stream)

    assert by_scope == {True: set(OF_ORDERS), False: set(OF_MARKET)}


def test_what_the_release_before_left_on_a_stream_or_in_a_timer_is_still_read() -> None:
    left = {
        stream for recording in recordings() for key in read_recording(recording).keys for stream in _streams_of(key)
    }

    assert left <= {binding.stream for binding in TEMPLATE.event_sources}


def _streams_of(key: dict[str, object]) -> list[str]:
    name = str(key["key"]).rpartition(":")[2]
    if name == "timers":
        return [str(member).partition(" ")[0] for member, _ in key["value"]]  # type: ignore[attr-defined]
    # What wakes the pollers is for those that wait just then.
    return [name] if key["type"] == "stream" and name not in ("dead", "wakes") else []


@every_binding
def test_what_is_about_no_order_of_its_own_is_on_the_chain(binding: EventSourceMapping) -> None:
    assert (binding.scope != ORDERS) == (binding.stream in (TRANSACTIONS, TICKS, REPORTS))


@every_binding
def test_what_depends_on_order_is_read_in_order(binding: EventSourceMapping) -> None:
    assert binding.ordered == (binding.stream in (STATUSES, TRANSACTIONS, TICKS))


@every_binding
def test_a_batch_is_retried_and_no_larger_than_lambda_takes(binding: EventSourceMapping) -> None:
    # Lambda's own limits for a stream: 10,000 records, and 6 MB of which an order may take a few kB.
    assert 1 <= binding.batch_size <= 1_000
    assert binding.maximum_retry_attempts == 3
    assert 0 <= binding.maximum_batching_window_ms <= 1_000
