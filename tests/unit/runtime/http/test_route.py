"""A route whose endpoint is called directly: answered, documented and refused as FastAPI's own."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute

from orderflow.runtime.http.route import DirectRoute


async def greet(request: Request) -> Response:
    """Greet."""
    return Response(f"hello from {request.url.path}")


async def greet_by_name(name: str) -> Response:
    return Response(name)


def status_and_body(app: FastAPI, method: str) -> tuple[int, bytes]:
    """Send a request for /hello to an application."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/hello", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def with_route(route_class: type[APIRoute]) -> FastAPI:
    app = FastAPI()
    app.router.route_class = route_class
    app.get("/hello", status_code=202, responses={400: {"description": "no"}})(greet)
    return app


def test_it_is_answered_refused_and_documented_as_any_route() -> None:
    ours, own = with_route(DirectRoute), with_route(APIRoute)

    assert status_and_body(ours, "GET") == status_and_body(own, "GET") == (200, b"hello from /hello")
    assert status_and_body(ours, "PUT") == status_and_body(own, "PUT")
    assert ours.openapi() == own.openapi()


def test_what_it_would_not_serve_can_not_be_declared() -> None:
    app = FastAPI()
    app.router.route_class = DirectRoute

    with pytest.raises(TypeError, match="takes the request alone"):
        app.get("/hello")(greet_by_name)
    with pytest.raises(TypeError, match="takes the request alone"):
        app.get("/hello", dependencies=[Depends(greet)])(greet)
