"""read_orders through its Lambda handler: the description of the API, which says what the answers are."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.read_orders.docs_page import docs_settings
from functions.read_orders.handler import lambda_handler
from orderflow.adapters.public import ATOMS
from orderflow.domain.order import OrderId, event_of
from orderflow.domain.status import Status
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    WAITING_TYPES,
    make_order,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    order_at,
    read_event,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import CONDITIONS, ORDER, Answer, assert_problem, delete, get, of_type, patch, post
from tests.support.launched_tokens import LaunchingVenue, make_launch
from tests.support.ledger_rows import row_of
from tests.support.ways import sniped

pytestmark = pytest.mark.usefixtures("_event_loop")

SELL = {"token_in": "JUP", "token_out": "WIF", "amount": "100"}
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"order_type": "limit", "limit_price": "0.6"},
    {"order_type": "stop_loss", "trigger_price": "0.5"},
    {"order_type": "trailing_stop", "trail_bps": "100", "activation_price": "1"},
)
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, Decimal),
    "integer": int,
    "array": list,
    "object": dict,
    "null": type(None),
    "boolean": bool,
}


def fits(value: Any, schema: dict[str, Any], components: dict[str, Any], *, has_nulls: bool = True) -> bool:
    """Whether a value is what a schema says, as far as the schemas here say anything.

    Where it has no nulls, what is not there stands for one: FastAPI takes them out of examples.
    """

    def inner(value: Any, schema: dict[str, Any]) -> bool:
        return fits(value, schema, components, has_nulls=has_nulls)

    if "$ref" in schema:
        return inner(value, components[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return any(inner(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, KINDS[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(inner(each, schema["items"]) for each in value)
    if isinstance(value, dict) and "properties" not in schema:
        return all(inner(each, schema["additionalProperties"]) for each in value.values())
    if isinstance(value, dict):
        required = schema.get("required", ())
        value = value if has_nulls else dict.fromkeys(required) | value
        assert set(required) <= set(value) <= set(schema["properties"]), (schema["title"], value)
        return all(inner(each, schema["properties"][name]) for name, each in value.items())
    return True


def test_every_answer_is_what_is_documented(outside: Outside) -> None:
    outside.orders.known[ORDER_ID] = (make_order(Status.CONFIRMED), [event_of(order_at(status)) for status in Status])
    resting = [make_waiting_order(order_type=kind, order_id=nth_id(n)) for n, kind in enumerate(WAITING_TYPES)]
    outside.orders.known |= {order.order_id: (order, [event_of(order)]) for order in resting}
    outside.venue = LaunchingVenue(outside, make_launch(), slot=250)
    snipers = [msgspec.structs.replace(step, order_id=OrderId(nth_id(100 + n))) for n, step in enumerate(sniped())]
    outside.orders.known |= {step.order_id: (step, [event_of(step)]) for step in snipers}
    bracket = make_waiting_request(exits=make_waiting_request("oco").triggers, expires_at_ms=NOW_MS + 1)
    orders = [
        *resting,
        *snipers,
        make_order(Status.CONFIRMED),
        make_waiting_order(request=bracket, order_id=OTHER_ID),
    ]
    outside.ledger.rows = {order.order_id: row_of(order) for order in orders}
    api = get("/openapi.json").document
    answers: list[tuple[tuple[str, str, str], Answer]] = [
        *[(("/api/orders/{order_id}", "get", "200"), get(f"/api/orders/{order.order_id}")) for order in orders],
        *[
            (("/api/orders/{order_id}", "get", "200"), get(f"/api/orders/{nth_id(100 + n)}"))
            for n in range(len(snipers))
        ],
        (("/api/orders", "get", "200"), get("/api/orders")),
        *[(("/api/quote", "get", "200"), get("/api/quote", **SELL, **query)) for query in QUERIES],
        (("/api/tokens", "get", "200"), get("/api/tokens")),
        (("/api/launches", "get", "200"), get("/api/launches")),
        *[(("/api/orders/execute", "post", "202"), post(of_type(order_type))) for order_type in CONDITIONS],
        *[(("/api/orders/{order_id}", "patch", "200"), patch(order.order_id, '{"amount":20}')) for order in resting],
        *[(("/api/orders/{order_id}", "delete", "200"), delete(order.order_id)) for order in resting],
        (("/api/orders/cancel", "post", "207"), post(f'{{"order_ids":["{ORDER_ID}"]}}', path="/api/orders/cancel")),
    ]

    for (path, method, status), answer in answers:
        described = api["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        assert str(answer.status) == status
        assert fits(answer.document, described, api["components"]["schemas"]), path


def test_atoms_are_documented_as_strings(outside: Outside) -> None:
    components = get("/openapi.json").document["components"]["schemas"]

    kinds = {
        (title, name): [each.get("type", "") for each in described.get("anyOf", [described])]
        for title, schema in components.items()
        for name, described in schema.get("properties", {}).items()
        if name in ATOMS
    }
    assert {("Leg", "fee"), ("Fill", "amount_in"), ("Route", "network_fee"), ("StatusEvent", "minimum_out")} <= set(
        kinds
    )
    assert not any("integer" in kind or "number" in kind for kind in kinds.values())


def test_the_api_documents_itself(outside: Outside) -> None:
    api = get("/openapi.json").document
    page = get("/docs")

    execute = api["paths"]["/api/orders/execute"]["post"]
    body = api["components"]["schemas"]["MarketOrder"]
    assert set(body["properties"]) == {*ORDER, "client_order_id", "then"}
    assert set(body["required"]) == {*ORDER} - {"max_slippage"}
    assert "Idempotency-Key" in body["properties"]["client_order_id"]["description"]
    (key,) = execute["parameters"]
    assert key["name"] == "Idempotency-Key"
    assert "client_order_id" in key["description"]
    assert "limit" in execute["responses"]["503"]["description"]
    filters = {each["name"] for each in api["paths"]["/api/orders"]["get"]["parameters"]}
    assert filters == {
        *("status", "order_type", "open", "parent_id", "token_in", "token_out", "client_order_id"),
        *("limit", "cursor"),
    }
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")


def test_the_documentation_s_page_loads_nothing_from_elsewhere(outside: Outside) -> None:
    page = get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text) + re.findall(r"url: '([^']+)'", page.text)

    assert not re.search(r"https?://|//cdn", page.text)
    assert sorted(loaded) == [
        "/docs/favicon.png",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/openapi.json",
    ]
    for path in loaded:
        assert get(path).status == 200


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css"), ("favicon.png", "image/png")],
)
def test_a_file_of_the_documentation_is_kept_by_browsers_and_fits_an_answer_of_lambda(
    name: str, media_type: str
) -> None:
    event = read_event("read_orders.get_order")
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/docs/{name}"
    answer = lambda_handler(event, None)

    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"].startswith(media_type)
    assert answer["headers"]["cache-control"] == "public, max-age=86400"
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    event["headers"]["if-none-match"] = answer["headers"]["etag"]
    assert lambda_handler(event, None)["statusCode"] == 304


@pytest.mark.parametrize(
    "name", ["redoc.standalone.js", "..%2f__init__.py", "../core.py", "core.py", "", "x\0", "%00", "favicon.png/"]
)
def test_no_other_file_is_shown(name: str) -> None:
    assert_problem(get(f"/docs/{name}"), 404)


def test_a_quote_s_parameters_are_the_fields_of_the_orders_that_fit_in_a_query(outside: Outside) -> None:
    parameters = get("/openapi.json").document["paths"]["/api/quote"]["get"]["parameters"]

    by_name = {each["name"]: each for each in parameters}
    assert len(by_name) == len(parameters)
    assert {name for name, each in by_name.items() if each["required"]} == {"token_in", "token_out", "amount"}
    assert {"limit_price", "min_amount_out", "price_in", "trigger_price", "trail_bps", "expires_in"} <= set(by_name)
    assert "then" not in by_name
    assert by_name["order_type"]["schema"]["default"] == "market"
    assert "default" not in by_name["max_slippage"]["schema"]
    assert not [each for each in parameters if "$ref" in str(each)]


def test_every_reference_in_the_documentation_leads_somewhere(outside: Outside) -> None:
    api = get("/openapi.json")

    references = set(re.findall(r'"(#/components/schemas/[^"]+)"', api.text))
    assert references == {f"#/components/schemas/{name}" for name in api.document["components"]["schemas"]} & references
    assert "#/components/schemas/OcoOrder" in references


def test_the_examples_of_answers_are_what_is_documented(outside: Outside) -> None:
    api = get("/openapi.json").document

    examples = [
        (path, each, content["schema"])
        for path, operations in api["paths"].items()
        for operation in operations.values()
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for each in [content.get("example"), *(named["value"] for named in content.get("examples", {}).values())]
        if each and "$ref" in content.get("schema", {})
    ]
    assert len(examples) > 5
    for path, example, schema in examples:
        assert fits(example, schema, api["components"]["schemas"], has_nulls=False), path


@pytest.fixture
def undescribed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be where the API is not described."""
    monkeypatch.setenv("DOCS", "0")
    docs_settings.cache_clear()
    yield
    docs_settings.cache_clear()


@pytest.mark.usefixtures("undescribed")
@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/openapi.json"])
def test_where_docs_is_off_the_description_is_as_if_it_were_not_there(path: str) -> None:
    assert assert_problem(get(path), 404)["detail"] == f"there is nothing at {path}"
