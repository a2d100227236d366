"""accept_order through its Lambda handler: orders, quotes, tokens and health, read."""

import base64
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import redis

from functions.accept_order.handler import lambda_handler
from orderflow.adapters.ledger import OrderFilter, OrderRow
from orderflow.adapters.public import public_json
from orderflow.domain.amounts import to_units
from orderflow.domain.order import event_of
from orderflow.domain.pools.swap import swap
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RetryableError
from orderflow.venues.mock.latency import Latency
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    market,
    market_state,
    nth_id,
    read_event,
)
from tests.support.fakes import Outside
from tests.support.http_api import ORDER, SOL_MINT, USDC_MINT, assert_problem, assert_refused, call, get

pytestmark = pytest.mark.usefixtures("_event_loop")


def make_row(order_id: str, status: Status = Status.CONFIRMED) -> OrderRow:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    return OrderRow(
        order_id, 5, status, "market", "SOL", "USDC", Decimal(12_500_000_000), 500, None, None, None, None, None, at, at
    )


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
        "expected_out": "2746.933337",
        "minimum_out": "2609.586671",
        "price": Decimal("219.75466696"),
        "price_impact": 0,
        "improvement_bps": 0,
        "network_fee": {"token": "SOL", "amount": f"{to_units(route.network_fee, TOKENS['SOL']):f}"},
        "fees": [{"token": "SOL", "amount": "0.012500000"}],
        "route": json.loads(public_json(route), parse_float=Decimal),
    }


def test_a_quote_is_of_the_pools_as_they_are_now(outside: Outside) -> None:
    before = call(read_event("accept_order.get_quote")).document["expected_out"]
    moved = {
        address: swap(pool, "SOL", 4 * 10**11, 0)[1]
        for address, pool in market().items()
        if address.endswith(":SOL-USDC")
    }
    outside.chain.latest = market_state(pools=market() | moved)

    after = call(read_event("accept_order.get_quote")).document["expected_out"]

    assert Decimal(after) < Decimal(before)


def test_a_quote_of_a_large_order_shows_what_the_split_gains_and_every_legs_fee(outside: Outside) -> None:
    quote = get("/api/quote", token_in="SOL", token_out="USDC", amount="2000").document

    legs, quotes = quote["route"]["legs"], quote["route"]["quotes"]
    assert quote["improvement_bps"] > 0
    assert quote["price_impact"] > 0
    assert {leg["venue"] for leg in legs} == {"meteora", "raydium"}
    assert sum(leg["share_bps"] for leg in legs if leg["token_in"] == "SOL") == 10_000
    assert [fee["token"] for fee in quote["fees"]] == [leg["fee_token"] for leg in legs]
    assert Decimal(quote["expected_out"]).scaleb(6) > max(int(each["amount_out"]) for each in quotes)


def test_a_quote_asks_every_venue_even_one_that_would_miss_the_deadline(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=1, failure_rate=1)

    quote = call(read_event("accept_order.get_quote")).document

    assert [each["venue"] for each in quote["route"]["quotes"]] == ["meteora", "raydium"]


def test_a_quote_over_several_hops_shows_each(outside: Outside) -> None:
    quote = get("/api/quote", token_in="JUP", token_out="WIF", amount="100").document

    legs = quote["route"]["legs"]
    assert (legs[0]["token_in"], legs[-1]["token_out"]) == ("JUP", "WIF")
    assert len(quote["fees"]) == len(legs) >= 2


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"amount": "0"}, "amount", "must be greater than zero"),
        ({"amount": "nan"}, "amount", "must be a decimal number"),
        (
            {"amount": "0.000000001"},
            "amount",
            "1 atoms are too few: meteora would pay out nothing (error 6039, 0x1797)",
        ),
        ({"token_out": "SOL"}, "token_out", "must not be the same token as token_in"),
        ({"max_slippage": "0.6"}, "max_slippage", "must be from 0.01 to 0.5"),
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
    outside.intake.error = redis.ConnectionError("refused")
    outside.ledger.error = RetryableError("Postgres can't be reached: refused")

    answer = get("/health")

    assert answer.status == 503
    assert answer.document == {
        "status": "unavailable",
        "redis": "unavailable",
        "postgres": "unavailable",
    }


def test_the_api_documents_itself(outside: Outside) -> None:
    api = get("/openapi.json").document
    page = get("/docs")

    execute = api["paths"]["/api/orders/execute"]["post"]
    body = execute["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {*ORDER, "client_order_id"}
    assert "client_order_id" not in body["required"]
    assert "Idempotency-Key" in body["properties"]["client_order_id"]["description"]
    (key,) = execute["parameters"]
    assert key["name"] == "Idempotency-Key"
    assert "client_order_id" in key["description"]
    assert "limit" in execute["responses"]["503"]["description"]
    filters = {each["name"] for each in api["paths"]["/api/orders"]["get"]["parameters"]}
    assert filters == {"status", "token_in", "token_out", "client_order_id", "limit", "cursor"}
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
    event = read_event("accept_order.get_order")
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
