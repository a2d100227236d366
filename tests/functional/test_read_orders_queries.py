"""read_orders through its Lambda handler: queries are read as strictly as bodies, on every path."""

from urllib.parse import urlencode

import pytest

from functions.read_orders.app import app
from tests.support.builders import ORDER_ID, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, assert_refused, call

pytestmark = pytest.mark.usefixtures("_event_loop")

QUOTE = "token_in=SOL&token_out=USDC&amount=1"
UNKNOWN = "is not a parameter of this path"


def ask(path: str, query: str) -> Answer:
    """GET a path with a query as it is written."""
    event = read_event("read_orders.get_order")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = query
    return call(event)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/orders", "status=confirmed&status=failed"),
        ("/api/orders", "limit=5&limit=5"),
        ("/api/orders", "cursor=&cursor="),
        ("/api/quote", QUOTE + "&amount=2"),
        ("/api/quote", QUOTE + "&%61mount=2"),
        ("/api/tokens", "a=1&a=2"),
    ],
)
def test_a_name_that_comes_twice_is_refused(outside: Outside, path: str, query: str) -> None:
    problem = assert_problem(ask(path, query), 400, "Bad Request")

    assert [error["rule"] for error in problem["errors"]] == ["must be given once"]
    assert outside.ledger.asked == []


@pytest.mark.parametrize("query", ["state=confirmed", "Status=confirmed", "offset=0", "=1", "status%20=confirmed"])
def test_a_filter_that_there_is_not_is_refused(outside: Outside, query: str) -> None:
    name = query.partition("=")[0].replace("%20", " ") or "query"

    assert_refused(ask("/api/orders", query), name, UNKNOWN)
    assert outside.ledger.asked == []


def test_every_path_of_the_api_refuses_names_that_it_does_not_have(outside: Outside) -> None:
    paths = {path for path in app.openapi()["paths"] if path.startswith("/api/")}

    assert {"/api/orders", "/api/orders/{order_id}", "/api/quote", "/api/tokens"} <= paths
    for path in paths:
        problem = assert_problem(ask(path.format(order_id=ORDER_ID), "colour=red"), 400)
        assert "colour" in [error["field"] for error in problem["errors"]], path


@pytest.mark.parametrize("path", ["/api/orders", "/api/quote"])
def test_a_query_has_at_most_32_names_and_its_answer_ten_errors(outside: Outside, path: str) -> None:
    thirty_two = ask(path, urlencode([(f"name {number}", "x" * 1_000) for number in range(32)]))
    thousands = ask(path, "&".join(["a=1"] * 9_000))

    assert len(assert_problem(thirty_two, 400)["errors"]) == 10
    assert len(thirty_two.text) < 2_000
    assert assert_problem(thousands, 400)["detail"] == "a query has at most 32 names"


def test_a_name_in_a_query_is_not_repeated_at_length(outside: Outside) -> None:
    assert len(ask("/api/orders", "x" * 60_000 + "=1").text) < 500


def test_what_a_query_may_hold_is_documented(outside: Outside) -> None:
    paths = ask("/openapi.json", "").document["paths"]

    parameters = {each["name"]: each for each in paths["/api/quote"]["get"]["parameters"]}
    assert {name for name, each in parameters.items() if each["required"]} == {"token_in", "token_out", "amount"}
    assert parameters["trigger_slots"]["schema"]["default"] == 1
