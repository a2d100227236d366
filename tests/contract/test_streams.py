"""The template's streams against the design and the code: who writes each, and who reads it."""

import ast
from pathlib import Path

import pytest

from local.template import FunctionTemplate, read_template
from orderflow.event_source.mapping import EventSourceMapping

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")

PRODUCERS = {
    "route": {"accept_order"},
    "build": {"route_order"},
    "submit": {"build_order"},
    "transactions": {"submit_order"},
    # The chain says when a transaction has landed, and submit_order that one had its result before it was sent again.
    "confirm": {"produce_block", "submit_order"},
    # Each step is a status, any stage may fail an order, and a subscription is an entry too.
    "status": {
        "accept_order",
        "watch_order",
        "route_order",
        "build_order",
        "submit_order",
        "confirm_order",
    },
}
CONSUMERS = {
    "route": ["route_order"],
    "build": ["build_order"],
    "submit": ["submit_order"],
    "transactions": ["produce_block"],
    "confirm": ["confirm_order"],
    "status": ["publish_status", "record_order"],
}
STAGES = [function for function in TEMPLATE.functions if function.event_source]

every_binding = pytest.mark.parametrize("binding", TEMPLATE.event_sources, ids=lambda binding: binding.function)


@pytest.mark.parametrize("stream", PRODUCERS)
def test_a_stream_is_written_by_exactly_the_functions_of_the_design(stream: str) -> None:
    producers = {function.name for function in TEMPLATE.functions if stream in function.produces}

    assert producers == PRODUCERS[stream]


def test_every_stream_that_is_written_is_read_and_the_other_way_round() -> None:
    written = {stream for function in TEMPLATE.functions for stream in function.produces}
    read: dict[str, list[str]] = {}
    for binding in TEMPLATE.event_sources:
        read.setdefault(binding.stream, []).append(binding.function)

    assert written == PRODUCERS.keys()
    assert read == CONSUMERS


@pytest.mark.parametrize("function", STAGES, ids=lambda function: function.name)
def test_a_stage_names_no_next_stream_but_those_that_it_declares(function: FunctionTemplate) -> None:
    # `transactions` and `status` are written by the adapters, under no name that a function would spell out.
    next_streams = PRODUCERS.keys() - {"transactions", "status"}
    modules = (ROOT / "functions" / function.name).glob("*.py")
    nodes = [node for module in modules for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))]

    named = {node.value for node in nodes if isinstance(node, ast.Constant)} & next_streams

    assert named == set(function.produces) & next_streams


@every_binding
def test_only_the_chain_reads_the_chains_own_stream(binding: EventSourceMapping) -> None:
    assert (binding.scope == "chain") == (binding.stream == "transactions")


@every_binding
def test_what_depends_on_order_is_read_in_order(binding: EventSourceMapping) -> None:
    assert binding.ordered == (binding.stream in ("status", "transactions"))


@every_binding
def test_a_batch_is_retried_and_no_larger_than_lambda_takes(binding: EventSourceMapping) -> None:
    # Lambda's own limits for a stream: 10,000 records, and 6 MB of which an order may take a few kB.
    assert 1 <= binding.batch_size <= 1_000
    assert binding.maximum_retry_attempts == 3
    assert 0 <= binding.maximum_batching_window_ms <= 1_000
