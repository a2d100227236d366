"""The example events in tests/events against the template: each is one that its function can be sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, APIGatewayWebSocketEvent

from local.template import FunctionTemplate, read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
EVENTS = sorted((ROOT / "tests/events").glob("*.json"))


def events_of(kind: str) -> list[Any]:
    """Return (function, event) for the examples of functions with such a feed; a file is named for its own."""
    found = []
    for path in EVENTS:
        function = TEMPLATE.function(path.name.partition(".")[0])
        if getattr(function, kind):
            found.append(pytest.param(function, json.loads(path.read_text(encoding="utf-8")), id=path.stem))
    return found


def test_every_function_has_an_example() -> None:
    named = {path.name.partition(".")[0] for path in EVENTS}

    assert named == {function.name for function in TEMPLATE.functions}


@pytest.mark.parametrize(("function", "raw"), events_of("http_routes"))
def test_an_http_event_takes_a_route_of_the_template(function: FunctionTemplate, raw: dict[str, Any]) -> None:
    event = APIGatewayProxyEventV2(raw)

    method, _, path = event.route_key.partition(" ")

    assert event.version == "2.0"
    assert (method, path) in [(route.method, route.path) for route in function.http_routes]
    assert path.format(**event.path_parameters) == event.path == event.request_context.http.path
    assert event.http_method == method


@pytest.mark.parametrize(("function", "raw"), events_of("websocket_routes"))
def test_a_websocket_event_takes_a_route_of_the_template(function: FunctionTemplate, raw: dict[str, Any]) -> None:
    context = APIGatewayWebSocketEvent(raw).request_context

    kinds = {"$connect": "CONNECT", "$default": "MESSAGE", "$disconnect": "DISCONNECT"}

    assert context.route_key in function.websocket_routes
    assert context.event_type == kinds[context.route_key]
    assert context.connection_id


@pytest.mark.parametrize(("function", "raw"), events_of("event_source"))
def test_a_stream_event_comes_from_the_stream_that_feeds_the_function(
    function: FunctionTemplate, raw: dict[str, Any]
) -> None:
    binding, records = function.event_source, raw["Records"]

    assert binding is not None
    assert 0 < len(records) <= binding.batch_size
    assert {record["stream"] for record in records} == {binding.stream}
    assert {record["eventSource"] for record in records} == {"orderflow:stream"}
    assert {record["partition"] == "chain" for record in records} == {binding.scope == "chain"}
