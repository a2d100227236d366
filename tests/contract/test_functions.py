"""The template's functions and routes against the code: all that is declared exists, and nothing else does."""

import importlib
from pathlib import Path

import pytest

from local.template import FunctionTemplate, read_template
from tests.support.lifecycle import STAGES, WAITING

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")

BEHIND_HTTP = [function for function in TEMPLATE.functions if function.http_routes]
AUTHORIZER = "authorize_request"
UNDOCUMENTED = {
    "read_orders": {("GET", "/docs"), ("GET", "/docs/{name}"), ("GET", "/openapi.json")},
    "serve_desk": {(method, path) for method in ("GET", "HEAD") for path in ("/", "/desk/{version}/{name}")},
}

every_function = pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.name)


def test_every_folder_is_a_function_of_the_template_and_the_other_way_round() -> None:
    folders = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))

    assert sorted(function.name for function in TEMPLATE.functions) == folders


def test_the_functions_stand_in_flow_order() -> None:
    assert [function.name for function in TEMPLATE.functions] == [
        *("authorize_request", "accept_order", "change_orders", "read_orders"),
        *("issue_ticket", "serve_desk", "tend_dead_letters", "watch_order"),
        *(stage.function for stage in STAGES),
        *WAITING,
        *("publish_status", "record_order", "publish_reports", "produce_block"),
    ]


@every_function
def test_a_handler_is_found_under_its_dotted_path(function: FunctionTemplate) -> None:
    module, _, attribute = function.handler.rpartition(".")

    assert function.handler == f"functions.{function.name}.handler.lambda_handler"
    assert callable(getattr(importlib.import_module(module), attribute))


@every_function
def test_a_function_is_packaged_under_the_path_that_its_handler_has(function: FunctionTemplate) -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")

    assert f"      CodeUri: functions/{function.name}\n" in template
    assert f"{{ParentPackageMode: explicit, ParentPackages: functions.{function.name}}}\n" in template


@every_function
def test_a_function_is_fed_by_a_stream_or_by_an_api_or_asked_by_both_apis(function: FunctionTemplate) -> None:
    feeds = [function.event_source is not None, bool(function.http_routes), bool(function.websocket_routes)]
    feeds.append(function.name == AUTHORIZER)

    assert feeds.count(True) == 1


@pytest.mark.parametrize("function", BEHIND_HTTP, ids=lambda function: function.name)
def test_the_http_routes_of_a_function_are_those_of_its_app(function: FunctionTemplate) -> None:
    app = importlib.import_module(f"functions.{function.name}.app").app

    served = {(method.upper(), path) for path, operations in app.openapi()["paths"].items() for method in operations}
    served |= UNDOCUMENTED.get(function.name, set())

    declared = [(route.method, route.path) for route in function.http_routes]
    assert sorted(declared) == sorted(served)


def test_no_two_functions_have_the_same_route() -> None:
    declared = [(route.method, route.path) for function in BEHIND_HTTP for route in function.http_routes]

    assert len(BEHIND_HTTP) == 6
    assert sorted(declared) == sorted(set(declared))


def test_the_websocket_api_hands_everything_to_watch_order() -> None:
    assert TEMPLATE.function("watch_order").websocket_routes == ("$connect", "$disconnect", "$default")
