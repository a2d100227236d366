"""The HTTP API of the local gateway, without its server."""

import json
from collections.abc import MutableMapping
from typing import Any

from local.gateway.authorization import OpenAuthorization
from local.gateway.routes import http_api

Answer = tuple[int, dict[str, str], Any]


async def ask(target: str, body: str = "", method: str = "") -> Answer:
    """Send a request to the HTTP API in this loop and return status, headers and document."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method or ("POST" if body else "GET"),
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")],
        "root_path": "",
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body.encode()}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await OpenAuthorization(http_api())(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(b"".join(message.get("body", b"") for message in sent[1:]))
