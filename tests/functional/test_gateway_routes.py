"""The gateway's HTTP API: a request reaches the function that the template routes it to, or is refused as by one."""

import asyncio

import pytest

from local.gateway.routes import Routes
from local.settings import ROOT
from local.template import read_template
from tests.support.builders import ORDER_ID
from tests.support.fakes.outside import Outside
from tests.support.http_api import written
from tests.support.in_process import ask

TEMPLATE = read_template(ROOT / "template.yaml")
ROUTES = Routes.of(TEMPLATE, {function.name: function.name for function in TEMPLATE.functions})


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("POST", "/api/orders/execute", "accept_order"),
        ("GET", "/api/orders/execute", "accept_order"),
        ("GET", "/api/orders/status", "accept_order"),
        ("GET", "/api/orders", "read_orders"),
        ("GET", "/api/orders/executed", "read_orders"),
        ("POST", "/api/orders/batch", "accept_order"),
        ("GET", "/api/orders/batch", "read_orders"),
        ("GET", "/docs/favicon.png", "read_orders"),
        ("POST", "/api/orders/cancel", "change_orders"),
        ("GET", "/api/orders/cancel", "read_orders"),
        ("POST", "/api/sockets/tickets", "issue_ticket"),
        ("GET", "/", "serve_desk"),
        ("HEAD", "/desk/0123456789ab/desk.js", "serve_desk"),
        ("GET", "/api/engine/dead-letters", "tend_dead_letters"),
        ("POST", "/api/engine/dead-letters/p0/1-1/redrive", "tend_dead_letters"),
        ("DELETE", "/api/engine/dead-letters/p0/1-1", "tend_dead_letters"),
        ("GET", "/api/engine/dead-letters/p0/1-1", None),
        ("DELETE", "/api/engine/dead-letters/p0", None),
        ("DELETE", "/api/orders/x", "change_orders"),
        ("PATCH", "/api/orders/x", "change_orders"),
        # API Gateway takes this for an id, too.
        ("DELETE", "/api/orders/status", "change_orders"),
        ("POST", "/api/orders", None),
        ("PUT", "/api/orders/x", None),
        *[
            ("GET", path, None)
            for path in ("/desk", "/desk/desk.js", "/api", "/api/orders/", "/api/orders/x/y", "/docs/", "/Health")
        ],
    ],
)
def test_a_request_is_for_the_function_that_has_its_route(method: str, path: str, function: str | None) -> None:
    assert ROUTES.find(method, path) == function


def test_orders_are_taken_and_read_behind_one_gateway(outside: Outside) -> None:
    async def work() -> None:
        assert (await ask("/api/orders/execute", written()))[0] == 202
        assert (await ask("/api/orders"))[0] == 200
        assert (await ask(f"/api/orders/{ORDER_ID}"))[0] == 404

    asyncio.run(work())

    assert len(outside.intake.created) == len(outside.ledger.asked) == 1


@pytest.mark.parametrize(
    "path", ["/desk", "/api", "/api/order", "/api/orders/execute/", "/api/orders/execute/x", "/admin"]
)
def test_there_is_nothing_at_other_paths(path: str) -> None:
    status, headers, problem = asyncio.run(ask(path))

    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert (problem["title"], problem["detail"]) == ("Not Found", f"there is nothing at {path}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/orders/execute", "DELETE, GET, PATCH, POST"),
        ("PUT", "/api/orders/batch", "DELETE, GET, PATCH, POST"),
        ("POST", "/api/orders/status", "DELETE, GET, PATCH"),
        ("PUT", f"/api/orders/{ORDER_ID}", "DELETE, GET, PATCH"),
        ("DELETE", "/api/orders", "GET"),
        ("POST", "/api/tokens", "GET"),
        ("PATCH", "/health", "GET"),
    ],
)
def test_a_path_takes_its_own_methods_only(method: str, path: str, allowed: str) -> None:
    status, headers, problem = asyncio.run(ask(path, method=method))

    assert (status, headers["allow"]) == (405, allowed)
    assert problem["detail"] == f"{path} does not take {method}"


@pytest.mark.parametrize("path", ["/api/orders/execute", "/api/orders/status"])
def test_a_plain_get_of_a_websocket_path_is_answered_426_and_not_as_an_orders(path: str) -> None:
    assert asyncio.run(ask(path))[0] == 426
