"""What API Gateway asks an authorizer: a request or a handshake in, the event about it out."""

import time
from collections import defaultdict
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Scope

STAGE = "local"
_ARN = f"arn:aws:execute-api:local:000000000000:local/{STAGE}"
_request_ids = count(1)


def next_request_id() -> str:
    """Return an id for a request or a frame."""
    return f"local-{next(_request_ids)}"


def request_event(scope: Scope, route_key: str) -> dict[str, Any]:
    """Return the event about a request on a route, such as `GET /api/orders` (payload 2.0).

    Headers that came several times are joined with commas.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, method = scope["path"], scope["method"]
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{_ARN}/{method}{path}",
        "identitySource": [headers["authorization"]] if "authorization" in headers else None,
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "http": {
                "method": method,
                "path": path,
                "protocol": f"HTTP/{scope['http_version']}",
                "sourceIp": scope["client"][0] if scope["client"] else "",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": next_request_id(),
            "routeKey": route_key,
            "stage": STAGE,
            "timeEpoch": time.time_ns() // 1_000_000,
        },
    }


def handshake_event(scope: Scope, request_context: dict[str, Any]) -> dict[str, Any]:
    """Return the event about a WebSocket's handshake, with the request context that its connection has."""
    headers: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")].append(value.decode("latin-1"))
    query: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        query[name].append(value)
    return {
        "type": "REQUEST",
        "methodArn": f"{_ARN}/$connect",
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": dict(headers),
        # API Gateway has null for what is empty.
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": dict(query) or None,
        "stageVariables": None,
        "requestContext": request_context,
        "isBase64Encoded": False,
    }
