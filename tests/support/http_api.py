"""The HTTP API as its clients see it: requests become API Gateway's events (payload 2.0) for the Lambda handlers."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from functions.accept_order.handler import lambda_handler as accept_order
from functions.change_orders.handler import lambda_handler as change_orders
from functions.issue_ticket.handler import lambda_handler as issue_ticket
from functions.read_orders.handler import lambda_handler as read_orders
from functions.serve_desk.handler import lambda_handler as serve_desk
from functions.tend_dead_letters.handler import lambda_handler as tend_dead_letters
from local.gateway.routes import Routes
from local.settings import ROOT
from local.template import read_template
from tests.support.builders import read_event

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
CONDITIONS: dict[str, dict[str, str | None]] = {
    "market": {},
    "limit": {"limit_price": '"221.37"'},
    "take_profit": {"trigger_price": '"250"'},
    "stop_loss": {"trigger_price": '"200"'},
    "trailing_stop": {"trail_bps": "100"},
    "oco": {"take_profit": '{"trigger_price":"250"}', "stop_loss": '{"trigger_price":"200"}'},
    "twap": {"slices": "10", "interval": "60"},
    "sniper": {"token_in": '"USDC"', "token_out": None, "target": '{"any":true}'},
}
"""What an order of each type needs beside its tokens and amount, as JSON text."""
BATCH_PATH = "/api/orders/batch"
HANDLERS = {
    "accept_order": accept_order,
    "change_orders": change_orders,
    "issue_ticket": issue_ticket,
    "read_orders": read_orders,
    "serve_desk": serve_desk,
    "tend_dead_letters": tend_dead_letters,
}
ROUTES = Routes.of(read_template(ROOT / "template.yaml"), HANDLERS)


_account: ContextVar[str | None] = ContextVar("account", default=None)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)


@contextmanager
def asking_as(account: str) -> Iterator[None]:
    """Have requests come from an account, as long as this lasts, rather than from their events'."""
    before = _account.set(account)
    try:
        yield
    finally:
        _account.reset(before)


def call(event: dict[str, Any]) -> Answer:
    """Hand an event to the function that has its route; read_orders answers what is at no route."""
    request = event["requestContext"]["http"]
    if account := _account.get():
        event["requestContext"]["authorizer"]["lambda"]["account"] = account
    handler = ROUTES.find(request["method"], request["path"]) or read_orders
    response = handler(event, None)
    body = response["body"]
    text = base64.b64decode(body).decode(errors="replace") if response["isBase64Encoded"] else body
    return Answer(response["statusCode"], response["headers"], text)


def post(
    body: str | bytes,
    headers: Mapping[str, str] | None = None,
    *,
    without: str = "",
    path: str = "/api/orders/execute",
    method: str = "POST",
) -> Answer:
    """Post an order; a body of bytes travels in base64, as API Gateway sends what is not text."""
    event = read_event("accept_order.execute")
    event["routeKey"] = event["requestContext"]["routeKey"] = f"{method} {path}"
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    event["headers"] = {**event["headers"], "content-length": str(len(body)), **(headers or {})}
    event["headers"].pop(without, None)
    return call(event)


def post_batch(*orders: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Post orders that are JSON texts as a batch."""
    return post(f'{{"orders":[{",".join(orders)}]}}', headers, path=BATCH_PATH)


def delete(order_id: str, **query: str) -> Answer:
    """Cancel an order."""
    return get(f"/api/orders/{order_id}", "DELETE", **query)


def patch(order_id: str, body: str | bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Amend an order; the body is JSON text."""
    return post(body, headers, path=f"/api/orders/{order_id}", method="PATCH")


def get(path: str, method: str = "GET", **query: str) -> Answer:
    event = read_event("read_orders.get_order")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["rawQueryString"] = urlencode(query)
    event["queryStringParameters"] = query
    return call(event)


def written(**changes: str | None) -> str:
    """Return the body of an order with some fields changed, or left out (None)."""
    fields = {name: value for name, value in (ORDER | changes).items() if value is not None}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def of_type(order_type: str, /, **changes: str | None) -> str:
    """Return the body of an order of a type with what that needs, some fields changed or left out (None)."""
    return written(**{"max_slippage": None, "order_type": f'"{order_type}"', **CONDITIONS[order_type], **changes})


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
