"""Requests of an account with limits, through the Lambda handlers: what each costs, and what is answered beyond."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from redis import RedisError

from orderflow.adapters.rate_limits import Refused
from orderflow.domain.access import Caller, Left, Limits, Permission, Rate
from orderflow.errors import OverloadedError
from orderflow.runtime.access import context_of
from tests.support import http_api
from tests.support.builders import ORDER_ID, OTHER_ID, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, delete, get, patch, post, post_batch, written

pytestmark = pytest.mark.usefixtures("_event_loop", "limited")
LIMITS = Limits(orders=Rate(50, 100), changes=Rate(100, 200), reads=Rate(50, 100), named_orders_a_day=43_200)
KEY = {"idempotency-key": "a-key"}
CANCEL_PATH = "/api/orders/cancel"


class CallerOfAll:
    """Whom all requests of a test are from."""

    def __init__(self) -> None:
        self.caller = Caller("a", frozenset[Permission](("read", "trade")), "a-key", LIMITS)

    def limits(self, limits: Limits | None) -> None:
        self.caller = msgspec.structs.replace(self.caller, limits=limits)

    def event(self, name: str) -> dict[str, Any]:
        event: dict[str, Any] = read_event(name)
        event["requestContext"]["authorizer"]["lambda"] = context_of(self.caller)
        return event


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> CallerOfAll:
    caller = CallerOfAll()
    monkeypatch.setattr(http_api, "read_event", caller.event)
    return caller


def spent(outside: Outside) -> Mapping[str, int]:
    return {limit: units for (_, limit), units in outside.rate_limits.spent.items()}


def assert_too_many(answer: Answer, limit: str, retry_after_ms: int) -> None:
    problem = assert_problem(answer, 429, "Too Many Requests")
    assert (problem["limit"], problem["retry_after_ms"]) == (limit, retry_after_ms)
    assert answer.headers["retry-after"] == str(-(-retry_after_ms // 1000))


def ids(count: int) -> str:
    return json.dumps({"order_ids": [ORDER_ID] * count})


@pytest.mark.parametrize(
    ("method", "path", "query", "units"),
    [
        ("GET", f"/api/orders/{ORDER_ID}", {}, {"reads": 1}),
        ("GET", "/api/tokens", {}, {"reads": 1}),
        ("GET", "/api/launches", {}, {"reads": 1}),
        ("GET", "/api/orders/status", {}, {"reads": 1}),
        ("GET", "/api/orders", {}, {"reads": 2}),
        ("GET", "/api/orders", {"status": "open", "limit": "9"}, {"reads": 2}),
        ("GET", "/api/orders", {"token_in": "SOL"}, {"reads": 10}),
        ("GET", "/api/orders", {"limit": "9", "token_out": ""}, {"reads": 10}),
        ("GET", "/api/orders", {f"name_{number}": "" for number in range(40)}, {"reads": 2}),
        ("GET", "/api/quote", {"token_in": "SOL", "token_out": "USDC", "amount": "1"}, {"reads": 10}),
        ("GET", "/api/market/pairs", {}, {"reads": 1}),
        ("GET", "/api/market/prices", {"token_in": "SOL", "token_out": "USDC"}, {"reads": 5}),
        ("GET", "/api/market/pools", {"token_in": "SOL", "token_out": "USDC"}, {"reads": 30}),
        ("DELETE", f"/api/orders/{ORDER_ID}", {}, {"changes": 1}),
        ("PATCH", f"/api/orders/{ORDER_ID}", {}, {"changes": 1}),
        ("GET", "/health", {}, {}),
        ("GET", "/openapi.json", {}, {}),
    ],
)
def test_a_request_costs_what_its_route_does(
    outside: Outside, method: str, path: str, query: dict[str, str], units: dict[str, int]
) -> None:
    get(path, method, **query)

    assert spent(outside) == units


def test_a_name_that_is_written_otherwise_costs_the_same(outside: Outside, limited: CallerOfAll) -> None:
    event = limited.event("read_orders.get_order")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/api/orders"
    event["rawQueryString"] = "%74oken_in=SOL"

    http_api.call(event)

    assert spent(outside) == {"reads": 10}


@pytest.mark.parametrize(
    ("headers", "changes", "units"),
    [
        ({}, {}, {"orders": 1}),
        (KEY, {}, {"orders": 1, "named": 1}),
        ({}, {"client_order_id": '"mine"'}, {"orders": 1, "named": 1}),
        ({}, {"client_order_id": "null"}, {"orders": 1}),
        ({}, {"amount": "0"}, {"orders": 1}),
    ],
)
def test_an_order_costs_one_and_its_name_another(
    outside: Outside, headers: dict[str, str], changes: dict[str, str | None], units: dict[str, int]
) -> None:
    post(written(**changes), headers)

    assert spent(outside) == units


def test_a_batch_costs_as_many_as_it_has_orders_and_names(outside: Outside) -> None:
    assert post_batch(written(), written(client_order_id='"mine"'), "7").status == 207
    assert spent(outside) == {"orders": 3, "named": 1}

    assert post_batch(written(), written(), headers=KEY).status == 202
    assert spent(outside) == {"orders": 5, "named": 3}


def test_cancels_cost_as_many_as_they_name_orders(outside: Outside) -> None:
    post(json.dumps({"order_ids": [ORDER_ID, OTHER_ID, "no id"]}), path=CANCEL_PATH)

    assert spent(outside) == {"changes": 3}


@pytest.mark.parametrize(
    ("path", "body", "status", "limit"),
    [
        ("/api/orders/execute", "{", 400, "orders"),
        ("/api/orders/batch", '{"orders":[]}', 400, "orders"),
        ("/api/orders/batch", " " * 65_537, 413, "orders"),
        (CANCEL_PATH, '{"order_ids":7}', 400, "changes"),
    ],
)
def test_a_body_that_says_no_cost_costs_one(outside: Outside, path: str, body: str, status: int, limit: str) -> None:
    answer = post(body, path=path)

    assert_problem(answer, status)
    assert spent(outside) == {limit: 1}
    assert f'"{limit}";r={getattr(LIMITS, limit).burst - 1};' in answer.headers["ratelimit"]


def test_every_answer_says_what_is_left(outside: Outside) -> None:
    answer = post(written(), KEY)

    assert answer.status == 202
    assert answer.headers["ratelimit-policy"] == '"orders";q=100;w=2, "named";q=43200;w=86400'
    assert answer.headers["ratelimit"] == '"orders";r=99;t=1, "named";r=43199;t=2'

    unknown = get("/api/orders/no-id")

    assert unknown.status == 404
    assert unknown.headers["ratelimit-policy"] == '"reads";q=100;w=2'
    assert unknown.headers["ratelimit"] == '"reads";r=99;t=1'


def test_beyond_a_limit_no_order_is_made_and_the_answer_says_when_one_is(outside: Outside) -> None:
    outside.rate_limits.spent["a", "orders"] = 98

    assert_too_many(answer := post_batch(*[written()] * 64), "orders", (64 - 2) * 20)

    assert outside.intake.created == []
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["ratelimit"] == '"orders";r=2;t=2'
    assert answer.headers["ratelimit-policy"] == '"orders";q=100;w=2'
    assert spent(outside) == {"orders": 98}
    assert post_batch(written(), written()).status == 202
    assert_too_many(post(written()), "orders", 20)
    assert len(outside.intake.created) == 2


def test_beyond_the_named_orders_of_a_day_those_without_a_name_are_made(outside: Outside) -> None:
    outside.rate_limits.spent["a", "named"] = 43_200

    assert_too_many(post(written(), KEY), "named", 2_000)
    assert_too_many(post_batch(written(), written(client_order_id='"mine"')), "named", 2_000)

    assert spent(outside) == {"named": 43_200}
    assert post(written()).status == 202
    assert len(outside.intake.created) == 1


@pytest.mark.parametrize("limit", ["changes", "reads"])
def test_beyond_a_limit_nothing_is_changed_or_read(outside: Outside, limit: str) -> None:
    outside.rate_limits.spent["a", limit] = 200  # type: ignore[index]
    outside.orders.error = outside.ledger.error = AssertionError("reached")

    if limit == "changes":
        assert_too_many(delete(ORDER_ID), limit, 10)
        assert_too_many(patch(ORDER_ID, "{}"), limit, 10)
        assert_too_many(post(ids(2), path=CANCEL_PATH), limit, 20)
    else:
        assert_too_many(get(f"/api/orders/{ORDER_ID}"), limit, 101 * 20)


def test_what_is_known_to_be_used_up_is_refused_before_the_body_is_read(outside: Outside) -> None:
    outside.rate_limits.known = Refused(Left("orders", LIMITS.orders, 0, 2_000), 20)

    assert_too_many(post("{"), "orders", 20)

    assert spent(outside) == {}


def test_what_a_limit_can_never_have_is_refused_for_good(outside: Outside, limited: CallerOfAll) -> None:
    limited.limits(Limits(orders=Rate(1, 2), reads=Rate(1, 5)))

    for answer, limit in ((post_batch(*[written()] * 3), "orders"), (get("/api/quote"), "reads")):
        problem = assert_problem(answer, 400)
        assert problem["limit"] == limit
        assert "at once" in problem["detail"]
        assert "retry-after" not in answer.headers
    assert outside.intake.created == []


def test_a_request_without_the_permission_costs_nothing(outside: Outside, limited: CallerOfAll) -> None:
    limited.caller = msgspec.structs.replace(limited.caller, permissions=frozenset[Permission](("read",)))

    assert_problem(post(written()), 403)

    assert spent(outside) == {}


def test_without_limits_nothing_is_counted_and_no_header_sent(outside: Outside, limited: CallerOfAll) -> None:
    limited.limits(None)
    outside.rate_limits.error = AssertionError("asked")

    answers = [post(written(), KEY), post_batch(written()), get("/api/tokens"), delete(ORDER_ID)]

    assert [answer.status for answer in answers] == [202, 202, 200, 404]
    assert not any(name.startswith("ratelimit") for answer in answers for name in answer.headers)


def test_where_nothing_can_be_counted_requests_are_served(outside: Outside, capsys: pytest.CaptureFixture[str]) -> None:
    outside.rate_limits.error = RedisError("no")

    answers = [post(written(), KEY), get("/api/tokens"), post("{")]

    assert [answer.status for answer in answers] == [202, 200, 400]
    assert all("ratelimit" not in answer.headers for answer in answers)
    assert answers[1].headers["ratelimit-policy"] == '"reads";q=100;w=2'
    assert len(outside.intake.created) == 1


def test_where_too_many_wait_to_be_counted_the_engine_carries_no_more(outside: Outside) -> None:
    outside.rate_limits.error = OverloadedError("MAX_WAITING", "limits of accounts")

    for answer in (post(written()), get("/api/tokens")):
        assert assert_problem(answer, 503)["limit"] == "MAX_WAITING"
    assert outside.intake.created == []
