"""A route of a FastAPI application that costs what its endpoint costs: a request in, the endpoint's response out."""

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Any, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route that is documented like any other, and whose endpoint is called with the request and nothing else.

    FastAPI's own call solves dependencies and opens two exit stacks, for none here: more work than the endpoint's.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.dependencies or list(signature(endpoint).parameters) != ["request"]:
            raise TypeError(f"the endpoint of {path} takes the request alone, and depends on nothing")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; FastAPI refuses one of another method."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        endpoint = cast("Callable[[Request], Awaitable[Response]]", self.endpoint)
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
