"""Lambda's entry to authorize_request: API Gateway's question in, whether a request may come and from whom it is out.

A raise is a 500, which API Gateway does not keep, as it would keep a "no": it is for what may be otherwise in a moment.
"""

import asyncio
from functools import cache
from typing import Any

from functions.authorize_request.authorizer import authorize_http, authorize_socket, deny
from functions.authorize_request.front import seen_in_front
from orderflow.runtime.observability import traced


@cache
def _runner() -> asyncio.Runner:
    # One loop for all invocations: the connections are its.
    return asyncio.Runner()


def authorize(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return the answer to the HTTP API (payload 2.0), or to the WebSocket API, whose question names a method's ARN."""
    return _runner().run(_answer(event))


async def _answer(event: dict[str, Any]) -> dict[str, Any]:
    seen = await seen_in_front(event)
    if seen is None:
        return deny(event, "past CloudFront")
    return await (authorize_http(seen) if event.get("version") == "2.0" else authorize_socket(seen))


lambda_handler = traced(authorize)
