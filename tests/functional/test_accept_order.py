"""accept_order through its Lambda handler, with API Gateway's events (payload 2.0)."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import pytest
import redis

from functions.accept_order.handler import lambda_handler
from functions.accept_order.order_input import MAX_BODY_BYTES
from orderflow.adapters.intake import Conflict
from orderflow.adapters.keys import partition_of
from orderflow.adapters.ledger import OrderFilter, OrderRow
from orderflow.domain.order import OrderId, OrderRequest, event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    encode,
    make_order,
    make_request,
    market,
    nth_id,
    read_event,
)
from tests.fakes import Outside

pytestmark = pytest.mark.usefixtures("_event_loop")

SOL_MINT = "So11111111111111111111111111111111111111112"
USDC_MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
ORDER = {
    "token_in": '"SOL"',
    "token_out": '"USDC"',
    "amount": "12.5",
    "order_type": '"market"',
    "max_slippage": "0.05",
}
"""The fields of an order as JSON text, for values that a JSON writer would refuse to write."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)


def call(event: dict[str, Any]) -> Answer:
    response = lambda_handler(event, None)
    body = response["body"]
    text = base64.b64decode(body).decode() if response["isBase64Encoded"] else body
    return Answer(response["statusCode"], response["headers"], text)


def post(body: str | bytes, headers: Mapping[str, str] | None = None, *, without: str = "") -> Answer:
    """Post an order; a body of bytes travels in base64, as API Gateway sends what is not text."""
    event = read_event("accept_order.execute")
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    event["headers"] = {**event["headers"], "content-length": str(len(body)), **(headers or {})}
    event["headers"].pop(without, None)
    return call(event)


def get(path: str, method: str = "GET", **query: str) -> Answer:
    event = read_event("accept_order.get_order")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["rawQueryString"] = urlencode(query)
    event["queryStringParameters"] = query
    return call(event)


def written(**changes: str | None) -> str:
    """Return the body of an order with some fields changed, or left out (None)."""
    fields = {name: value for name, value in (ORDER | changes).items() if value is not None}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def make_row(order_id: str, status: Status = Status.CONFIRMED) -> OrderRow:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    return OrderRow(
        order_id, 5, status, "market", "SOL", "USDC", Decimal(12_500_000_000), 500, None, None, None, None, None, at, at
    )


def assert_problem(answer: Answer, status: int, title: str | None = None) -> Any:
    """Assert that an answer is a problem document (RFC 9457), and return it."""
    problem = answer.document
    assert answer.status == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["detail"]
    if title:
        assert problem["title"] == title
    return problem


def assert_refused(answer: Answer, field: str, rule: str) -> None:
    problem = assert_problem(answer, 400, "Bad Request")
    assert problem["errors"] == [{"field": field, "rule": rule}]
    assert problem["detail"] == f"{field} {rule}"


def test_an_order_is_accepted(outside: Outside) -> None:
    answer = call(read_event("accept_order.execute"))

    (created,) = outside.intake.created
    assert answer.status == 202
    assert answer.document == {"order_id": created.order.order_id, "status": "pending"}
    assert answer.headers["location"] == f"/api/orders/{created.order.order_id}"
    assert answer.headers["content-type"] == "application/json"
    assert created.order == make_order(order_id=created.order.order_id)
    assert (created.idempotency_key, created.fingerprint) == ("", "")


def test_every_order_has_an_id_of_its_own_that_sorts_by_time(outside: Outside) -> None:
    ids = [post(written()).document["order_id"] for _ in range(20)]

    assert ids == sorted(set(ids))
    assert {UUID(each).version for each in ids} == {7}


@pytest.mark.parametrize(
    ("changes", "request_"),
    [
        ({"amount": "0.1"}, make_request(amount="0.1")),
        ({"amount": '"0.1"'}, make_request(amount="0.1")),
        ({"amount": "12.123456789"}, make_request(amount="12.123456789")),
        ({"amount": '"12.123456789"'}, make_request(amount="12.123456789")),
        ({"amount": "1e-9"}, make_request(amount="0.000000001")),
        ({"amount": "1"}, make_request(amount="1")),
        ({"max_slippage": None}, make_request(slippage_bps=500)),
        ({"max_slippage": "0.01"}, make_request(slippage_bps=100)),
        ({"max_slippage": "0.5"}, make_request(slippage_bps=5_000)),
        ({"max_slippage": '"0.0123"'}, make_request(slippage_bps=123)),
        ({"token_in": f'"{SOL_MINT}"', "token_out": '"usdc"'}, make_request()),
        ({"token_in": '"usdc"', "token_out": '"BONK"'}, make_request("USDC", "BONK")),
    ],
)
def test_what_is_asked_for_is_taken_exactly(
    outside: Outside, changes: dict[str, str | None], request_: OrderRequest
) -> None:
    answer = post(written(**changes))

    assert answer.status == 202
    assert [created.order.request for created in outside.intake.created] == [request_]


def test_a_tenth_of_a_sol_is_a_hundred_million_atoms(outside: Outside) -> None:
    post(written(amount="0.1"))
    post(written(amount="12.123456789"))

    assert [created.order.request.amount_in for created in outside.intake.created] == [100_000_000, 12_123_456_789]


@pytest.mark.parametrize("field", ["token_in", "token_out", "amount", "order_type"])
def test_a_field_that_is_missing_is_named(outside: Outside, field: str) -> None:
    assert_refused(post(written(**{field: None})), field, "is required")
    assert outside.intake.created == []


TOKEN_RULE = "must be one of SOL, USDC, USDT, JUP, RAY, BONK, WIF, JTO, PYTH, mSOL, JitoSOL, ORCA, or the mint of one"
AMOUNT_TYPE_RULE = "must be a number or a decimal string"
SLIPPAGE_RULE = "must be from 0.01 to 0.5"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("true", "null", "5")],
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("[]", "{}", "1.5")],
        ("token_in", '"DOGE"', TOKEN_RULE),
        ("token_in", '""', TOKEN_RULE),
        ("token_out", '" USDC"', TOKEN_RULE),
        ("token_out", '"SOL"', "must not be the same token as token_in"),
        ("token_out", '"sol"', "must not be the same token as token_in"),
        ("token_out", f'"{SOL_MINT}"', "must not be the same token as token_in"),
        *[("amount", value, AMOUNT_TYPE_RULE) for value in ("true", "false", "null", "[]", "{}", "[1]")],
        *[("amount", value, "must be a decimal number") for value in ('""', '"abc"', '"NaN"', '"Infinity"', '"-inf"')],
        *[("amount", value, "must be a decimal number") for value in ('"1,5"', '"0x10"', '"1_000"', '"1 000"')],
        *[("amount", value, "must be a decimal number") for value in ("1e9999999999999999999", '"٣"', '"1e"', '"."')],
        *[("amount", value, "must be greater than zero") for value in ("0", "-0", "0.0", "-1", "-0.5", '"-1"', "-1e9")],
        *[("amount", value, "must be greater than zero") for value in ("0e400", "-1e400", "-1e999999999")],
        *[("amount", value, "must be at most 18446744073.709551615 SOL") for value in ("1e400", '"1e400"', "1e11")],
        ("amount", "1e999999999", "must be at most 18446744073.709551615 SOL"),
        ("amount", "18446744073.709551616", "must be at most 18446744073.709551615 SOL"),
        ("amount", "9" * 5_000, "must be at most 18446744073.709551615 SOL"),
        *[("amount", value, "must have at most 9 decimals for SOL") for value in ("1e-10", "0.1234567891", "1e-400")],
        ("amount", "1e-999999999", "must have at most 9 decimals for SOL"),
        ("amount", "1." + "0" * 60 + "1", "must have at most 9 decimals for SOL"),
        *[("order_type", value, "must be 'market'") for value in ('"limit"', '"MARKET"', '""', "5", "true", "null")],
        *[("order_type", value, "must be 'market'") for value in ("[]", "{}", '["market"]')],
        *[("max_slippage", value, AMOUNT_TYPE_RULE) for value in ("true", "null", "[]", "{}")],
        *[("max_slippage", value, "must be a decimal number") for value in ('"abc"', '"NaN"', '"5%"')],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0", "0.009", "0.51", "1", "1e-9", "-0.05", "1e400")],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0.5000000001", "0.00999999", "1e-999999999")],
        *[("max_slippage", value, "must have at most 4 decimals") for value in ("0.01001", '"0.123456"')],
        ("max_slippage", "0.05" + "0" * 40 + "1", "must have at most 4 decimals"),
        ("price", "220", "is not a field of an order"),
        ("", "1", "is not a field of an order"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_with_its_field_and_the_rule(
    outside: Outside, field: str, value: str, rule: str
) -> None:
    answer = post(written(**{field: value}))

    problem = assert_problem(answer, 400, "Bad Request")
    named = {error["field"]: error["rule"] for error in problem["errors"]}
    assert named == {field or "body": rule}
    assert outside.intake.created == []


def test_a_pair_that_no_venue_lists_is_refused_with_the_way_round(outside: Outside) -> None:
    answer = post(written(token_in='"JUP"', token_out='"WIF"'))

    assert_refused(answer, "token_out", "no venue trades JUP against WIF; trade through SOL or USDC")


@pytest.mark.parametrize(("token_in", "decimals"), [("USDC", 6), ("BONK", 5), ("JTO", 9)])
def test_each_token_has_its_own_decimals(outside: Outside, token_in: str, decimals: int) -> None:
    pair = {"token_in": f'"{token_in}"', "token_out": '"SOL"'}
    finest = Decimal(1).scaleb(-decimals)

    assert post(written(**pair, amount=f"{finest:f}")).status == 202
    too_fine = post(written(**pair, amount=f"{finest / 10:f}"))

    assert_refused(too_fine, "amount", f"must have at most {decimals} decimals for {token_in}")


def test_all_that_is_wrong_is_said_at_once(outside: Outside) -> None:
    answer = post('{"token_in":"DOGE","amount":-1,"order_type":"limit","colour":"red"}')

    problem = assert_problem(answer, 400)
    assert [error["field"] for error in problem["errors"]] == [
        "token_in",
        "token_out",
        "amount",
        "order_type",
        "colour",
    ]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body is not JSON: "),
        (" ", "the body is not JSON: "),
        ("hello", "the body is not JSON: "),
        ('{"token_in":"SOL"', "the body is not JSON: "),
        ('{"amount":1,}', "the body is not JSON: "),
        ("{'amount':1}", "the body is not JSON: "),
        ('{"amount":.5}', "the body is not JSON: "),
        ('{"amount":1} {}', "the body is not JSON: "),
        ('\ufeff{"amount":1}', "the body is not JSON: "),
        (written(amount="NaN"), "the body is not JSON: NaN is not a JSON number"),
        (written(amount="Infinity"), "the body is not JSON: Infinity is not a JSON number"),
        (written(amount="-Infinity"), "the body is not JSON: -Infinity is not a JSON number"),
        (written(max_slippage="NaN"), "the body is not JSON: NaN is not a JSON number"),
        ('{"amount":1,"amount":2}', "the body is not JSON: a field is named twice"),
        (written()[:-1] + ',"token_in":"SOL"}', "the body is not JSON: a field is named twice"),
        ("[]", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ('"SOL"', "the body must be a JSON object"),
        ("12.5", "the body must be a JSON object"),
        (f"[{written()}]", "the body must be a JSON object"),
        ("[" * 60_000, "the body is nested too deeply"),
        ('{"a":' * 10_000, "the body is nested too deeply"),
        (b'{"token_in":"\xff"}', "the body is not UTF-8: invalid start byte"),
        (b'{"token_in":"\xc3"}', "the body is not UTF-8: invalid continuation byte"),
        (written().encode("utf-16"), "the body is not UTF-8: invalid start byte"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(outside: Outside, body: str | bytes, detail: str) -> None:
    problem = assert_problem(post(body), 400, "Bad Request")

    assert problem["detail"].startswith(detail)
    assert "errors" not in problem
    assert outside.intake.created == []


def test_a_body_of_64_kib_is_taken_and_one_byte_more_is_not(outside: Outside) -> None:
    largest = written().ljust(MAX_BODY_BYTES)

    assert post(largest).status == 202
    answer = post(largest + " ")

    problem = assert_problem(answer, 413)
    assert problem["detail"] == "the body must be at most 65536 bytes"
    assert len(outside.intake.created) == 1


def test_the_size_of_a_body_is_in_bytes(outside: Outside) -> None:
    fits_in_characters_only = '{"token_in":"' + "ä" * (MAX_BODY_BYTES // 2) + '"}'

    assert len(fits_in_characters_only) < MAX_BODY_BYTES
    assert_problem(post(fits_in_characters_only), 413)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("Application/JSON ;charset=UTF-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_only_json_is_taken(outside: Outside, content_type: str | None, status: int) -> None:
    if content_type is None:
        answer = post(written(), without="content-type")
    else:
        answer = post(written(), {"content-type": content_type})

    assert answer.status == status
    if status == 415:
        problem = assert_problem(answer, 415, "Unsupported Media Type")
        assert problem["detail"] == f"the content type must be application/json, not {content_type or 'none'}"
        assert outside.intake.created == []


@pytest.mark.parametrize("path", ["/", "/api", "/api/order", "/api/orders/execute/", "/api/orders/execute/x", "/admin"])
def test_there_is_nothing_at_other_paths(outside: Outside, path: str) -> None:
    problem = assert_problem(get(path), 404, "Not Found")

    assert problem["detail"] == f"there is nothing at {path}"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/orders/execute"), ("DELETE", "/api/orders/execute"), ("POST", "/api/tokens"), ("PATCH", "/health")],
)
def test_a_path_takes_its_own_methods_only(outside: Outside, method: str, path: str) -> None:
    answer = get(path, method)

    problem = assert_problem(answer, 405, "Method Not Allowed")
    assert problem["detail"] == f"{path} does not take {method}"
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/api/orders/execute", "/api/orders/status"])
def test_a_plain_get_of_a_websocket_path_is_told_to_upgrade(outside: Outside, path: str) -> None:
    problem = assert_problem(get(path), 426, "Upgrade Required")

    assert problem["detail"] == f"{path} is a WebSocket: connect, then send an order id"


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("refused"),
        redis.TimeoutError("no answer"),
        redis.exceptions.BusyLoadingError("LOADING"),
        redis.exceptions.OutOfMemoryError("OOM"),
        redis.exceptions.ReadOnlyError("READONLY"),
        ConnectionResetError("reset"),
        RetryableError("away"),
    ],
)
def test_what_can_not_be_kept_is_not_accepted(outside: Outside, error: Exception) -> None:
    outside.intake.error = error

    answer = post(written())

    problem = assert_problem(answer, 503, "Service Unavailable")
    assert answer.headers["retry-after"] == "1"
    assert problem["detail"] == "the service can't keep your request right now; try again"


def test_an_idempotency_key_names_a_record_and_a_fingerprint_of_the_request(outside: Outside) -> None:
    for body in (written(), written(amount='"12.50"', token_in='"sol"'), written(amount="12.6")):
        post(body, {"idempotency-key": "abc"})
    post(written(), {"idempotency-key": "abd"})

    first, alike, other, other_key = outside.intake.created
    assert first.idempotency_key == alike.idempotency_key == other.idempotency_key != other_key.idempotency_key
    assert "abc" not in first.idempotency_key
    assert first.fingerprint == alike.fingerprint == other_key.fingerprint != other.fingerprint


@pytest.mark.parametrize("partitions", [1, 4, 16])
def test_an_order_with_a_key_lies_in_the_partition_of_its_key(outside: Outside, partitions: int) -> None:
    outside.intake.partitions = partitions

    for number in range(20):
        post(written(), {"idempotency-key": f"key {number}"})

    for created in outside.intake.created:
        assert partition_of(created.order.order_id, partitions) == partition_of(created.idempotency_key, partitions)


def test_a_key_that_came_before_with_the_same_request_gets_the_first_order_again(outside: Outside) -> None:
    outside.intake.outcome = OrderId(OTHER_ID)

    answer = post(written(), {"idempotency-key": "abc"})

    assert answer.status == 202
    assert answer.document == {"order_id": OTHER_ID, "status": "pending"}
    assert answer.headers["location"] == f"/api/orders/{OTHER_ID}"


def test_a_key_that_came_before_with_another_request_is_refused(outside: Outside) -> None:
    outside.intake.outcome = Conflict.KEY_REUSED

    problem = assert_problem(post(written(), {"idempotency-key": "abc"}), 422)

    assert problem["errors"] == [{"field": "Idempotency-Key", "rule": "must not be used again with another order"}]


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 202), (255, 202), (256, 400)])
def test_a_key_has_1_to_255_characters(outside: Outside, length: int, status: int) -> None:
    answer = post(written(), {"idempotency-key": "k" * length})

    assert answer.status == status
    if status == 400:
        assert_refused(answer, "Idempotency-Key", "must have 1 to 255 characters")


def test_an_order_that_redis_holds_is_shown_from_there(outside: Outside) -> None:
    order = make_order(Status.SUBMITTED)
    history = [event_of(make_order(status)) for status in (Status.PENDING, Status.ROUTING, Status.BUILDING)]
    outside.orders.known[ORDER_ID] = (order, [*history, event_of(order)])
    outside.ledger.error = RetryableError("Postgres is away")

    answer = call(read_event("accept_order.get_order"))

    assert answer.status == 200
    assert answer.document["order_id"] == ORDER_ID
    assert (answer.document["status"], answer.document["sequence"]) == ("submitted", 4)
    assert [event["sequence"] for event in answer.document["history"]] == [1, 2, 3, 4]


def test_an_order_that_has_left_redis_is_shown_from_the_ledger(outside: Outside) -> None:
    order = make_order(Status.CONFIRMED)
    outside.ledger.rows[ORDER_ID] = make_row(ORDER_ID, order.status)
    outside.ledger.histories[ORDER_ID] = [event_of(order)]

    answer = get(f"/api/orders/{ORDER_ID.upper()}")

    assert answer.status == 200
    assert (answer.document["order_id"], answer.document["status"]) == (ORDER_ID, "confirmed")
    assert [event["status"] for event in answer.document["history"]] == ["confirmed"]


@pytest.mark.parametrize("unknown", [OTHER_ID, "x", "1", "%00", "01a20477-0e28-7d4b-9a3f"])
def test_an_unknown_order_is_not_found(outside: Outside, unknown: str) -> None:
    problem = assert_problem(get(f"/api/orders/{unknown}"), 404, "Not Found")

    assert problem["detail"].startswith("there is no order ")


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), RetryableError("gone")])
def test_an_order_that_can_not_be_looked_up_is_asked_for_again_later(outside: Outside, error: Exception) -> None:
    outside.orders.error = error

    answer = call(read_event("accept_order.get_order"))

    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


def test_orders_are_listed_with_what_filters_them(outside: Outside) -> None:
    outside.ledger.rows = {each: make_row(each) for each in (ORDER_ID, OTHER_ID)}

    answer = get("/api/orders", status="confirmed", token_in="sol", token_out=USDC_MINT, limit="10")

    assert outside.ledger.asked == [OrderFilter(11, "confirmed", "SOL", "USDC")]
    assert [order["order_id"] for order in answer.document["orders"]] == [ORDER_ID, OTHER_ID]
    assert answer.document["next_cursor"] is None


def test_a_full_page_leads_to_the_next(outside: Outside) -> None:
    outside.ledger.rows = {nth_id(number): make_row(nth_id(number)) for number in range(3)}

    first = get("/api/orders", limit="2").document
    get("/api/orders", limit="2", cursor=first["next_cursor"])

    assert [order["order_id"] for order in first["orders"]] == [nth_id(0), nth_id(1)]
    assert outside.ledger.asked[1].before == ("2026-11-22T18:14:01.123000+00:00", nth_id(1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "done"}, "status"),
        ({"token_in": "DOGE"}, "token_in"),
        ({"token_out": ""}, "token_out"),
        *[({"limit": limit}, "limit") for limit in ("0", "201", "-1", "ten", "1e2", "", "٣", "000000012345", "9" * 99)],
        *[({"cursor": cursor}, "cursor") for cursor in ("x", "eHg=", "!!!", "MjAyNiB4", "ä")],
    ],
)
def test_a_filter_that_can_not_be_used_is_named(outside: Outside, query: dict[str, str], field: str) -> None:
    problem = assert_problem(get("/api/orders", **query), 400)

    assert [error["field"] for error in problem["errors"]] == [field]
    assert outside.ledger.asked == []


@pytest.mark.parametrize("at", ["2026-W47-7", "20261122T181401Z"])
@pytest.mark.parametrize("written_id", ["urn:uuid:" + ORDER_ID, "{" + ORDER_ID + "}", ORDER_ID.replace("-", "")])
def test_a_cursor_reaches_the_ledger_in_the_one_form_that_postgres_reads(
    outside: Outside, at: str, written_id: str
) -> None:
    cursor = base64.urlsafe_b64encode(f"{at} {written_id}".encode()).decode()

    get("/api/orders", cursor=cursor)

    ((created_at, found_id),) = [asked.before or ("", "") for asked in outside.ledger.asked]
    assert created_at.startswith("2026-11-22T")
    assert found_id == ORDER_ID


def test_a_quote_shows_the_route_and_what_it_yields(outside: Outside) -> None:
    answer = call(read_event("accept_order.get_quote"))

    route = make_order(Status.ROUTING).chosen_route
    assert answer.status == 200
    assert answer.document == {
        "token_in": "SOL",
        "token_out": "USDC",
        "amount": "12.500000000",
        "expected_out": "2743.036278",
        "minimum_out": "2605.884465",
        "price": Decimal("219.44290224"),
        "price_impact": Decimal("0.000729"),
        "fees": [{"token": "USDC", "amount": "6.874778"}],
        "route": json.loads(encode(route), parse_float=Decimal),
    }


def test_a_quote_is_of_the_pools_as_they_are_now(outside: Outside) -> None:
    before = call(read_event("accept_order.get_quote")).document["expected_out"]
    for address in ("meteora:SOL-USDC", "raydium:SOL-USDC"):
        outside.venue.states[address] = market()[address].swap("SOL", 10**12)[1]

    after = call(read_event("accept_order.get_quote")).document["expected_out"]

    assert Decimal(after) < Decimal(before)


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"amount": "0"}, "amount", "must be greater than zero"),
        ({"amount": "nan"}, "amount", "must be a decimal number"),
        ({"amount": "0.000000001"}, "amount", "1 atoms are too few: raydium would pay out nothing"),
        ({"token_out": "SOL"}, "token_out", "must not be the same token as token_in"),
        ({"max_slippage": "0.6"}, "max_slippage", SLIPPAGE_RULE),
        ({"colour": "red"}, "colour", "is not a field of an order"),
    ],
)
def test_a_quote_that_can_not_be_given_says_why(outside: Outside, query: dict[str, str], field: str, rule: str) -> None:
    answer = get("/api/quote", **({"token_in": "SOL", "token_out": "USDC", "amount": "1"} | query))

    assert_refused(answer, field, rule)


def test_the_tokens_are_listed_with_their_mints_and_decimals(outside: Outside) -> None:
    tokens = get("/api/tokens").document["tokens"]

    assert len(tokens) == 12
    assert tokens[0] == {"symbol": "SOL", "mint": SOL_MINT, "decimals": 9, "opening_price": 220}


def test_health_says_what_answers(outside: Outside) -> None:
    answer = get("/health")

    assert (answer.status, answer.document) == (200, {"status": "ok", "redis": "ok", "postgres": "ok"})


def test_health_says_what_does_not_answer(outside: Outside) -> None:
    outside.redis_client.error = redis.ConnectionError("refused")
    outside.ledger.error = RetryableError("Postgres can't be reached: refused")

    answer = get("/health")

    assert answer.status == 503
    assert answer.document == {
        "status": "unavailable",
        "redis": "refused",
        "postgres": "Postgres can't be reached: refused",
    }


def test_the_api_documents_itself(outside: Outside) -> None:
    api = get("/openapi.json").document
    page = get("/docs")

    body = api["paths"]["/api/orders/execute"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == set(ORDER)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
