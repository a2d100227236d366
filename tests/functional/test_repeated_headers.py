"""A header that is sent twice is the same to both servers: two lines at the local gateway, joined in a Lambda event."""

import asyncio
import json
from typing import Any

import pytest

from functions.accept_order.app import app
from local.gateway.authorization import OpenAuthorization
from tests.support.fakes.outside import Outside
from tests.support.http_api import post, written

pytestmark = pytest.mark.usefixtures("_event_loop")

JSON = ("content-type", "application/json")


def post_lines(*headers: tuple[str, str]) -> tuple[int, Any]:
    """Post an order as a server hands it over, with headers as lines of their own, and return status and document."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/orders/execute",
        "raw_path": b"/api/orders/execute",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": written().encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.get_event_loop().run_until_complete(OpenAuthorization(app)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("idempotency-key", ("k",), 202),
        ("idempotency-key", ("k", "k"), 400),
        ("idempotency-key", ("k", "l"), 400),
        ("idempotency-key", ('"k"', '"k"'), 400),
        ("idempotency-key", ("", "k"), 400),
        ("content-type", ("application/json",), 202),
        ("content-type", ("application/json", "application/json"), 415),
        ("content-type", ("application/json; charset=utf-8", "text/plain"), 415),
        ("content-encoding", ("identity", "identity"), 202),
        ("content-encoding", ("identity", "gzip"), 415),
    ],
)
def test_a_header_means_the_same_in_lines_of_its_own_and_joined(
    outside: Outside, name: str, values: tuple[str, ...], status: int
) -> None:
    lines = [(name, value) for value in values] + ([] if name == "content-type" else [JSON])

    apart = post_lines(*lines)
    joined = post(written(), {name: ",".join(values)})

    assert apart[0] == joined.status == status
    if status != 202:
        assert apart[1] == joined.document
    assert len(outside.intake.created) == (2 if status == 202 else 0)
