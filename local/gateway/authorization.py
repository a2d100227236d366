"""Asks the authorizer about each request and each socket, as API Gateway does: what it said of a caller goes on.

Where nobody needs a key it is not asked, and everyone is the one caller LOCAL_CALLER.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.authorize_request.authorizer import UnauthorizedError
from local.gateway.authorizer_events import request_event
from orderflow.adapters.api_key_copies import TooManyLookupsError
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime.access import OPEN_CONTEXT, Context
from orderflow.runtime.http.problems import RETRY_AFTER, problem
from orderflow.runtime.refusals import Refusals

_OPEN_EVENT = {"requestContext": {"authorizer": {"lambda": OPEN_CONTEXT}}}
_ANSWERED = (UnauthorizedError, TooManyLookupsError, RetryableError, ConfigurationError)

Guard = Callable[[ASGIApp, str], ASGIApp]
"""From an application that serves a route, and the route's key, such as `GET /api/orders`, to what serves it to those
who may come."""


class Authorizer(Protocol):
    """The function authorize_request, as `functions.authorize_request.authorizer` has it."""

    def authorize_http(self, event: Mapping[str, Any]) -> Awaitable[dict[str, Any]]:
        """Return the simple response about a request."""

    def authorize_socket(self, event: Mapping[str, Any]) -> Awaitable[dict[str, Any]]:
        """Return the policy about a socket. Raises UnauthorizedError where it has no credential."""

    def is_good(self, key_id: str) -> Awaitable[bool]:
        """Return whether the key that has let a socket in is one still."""


class OpenAuthorization:
    """An application whose every request is from LOCAL_CALLER."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Where Mangum puts the event on Lambda.
        scope["aws.event"] = _OPEN_EVENT
        await self._app(scope, receive, send)


class KeyAuthorization:
    """Lets requests and sockets in that have a key, and answers all others itself."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._refusals = Refusals("gateway")

    def guard(self, app: ASGIApp, route_key: str) -> ASGIApp:
        """Return `app` for requests with a key."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            event = request_event(scope, route_key)
            answer = await self._ask_about_request(event)
            if isinstance(answer, Response):
                await answer(scope, receive, send)
                return
            event["requestContext"]["authorizer"] = {"lambda": answer}
            scope["aws.event"] = event
            await app(scope, receive, send)

        return serve

    async def admit(self, event: Mapping[str, Any]) -> Context | Response:
        """Return what is known of the caller who opens a socket, or the answer to its handshake."""
        try:
            policy = await self._authorizer.authorize_socket(event)
        except _ANSWERED as error:
            return self._answer(error)
        if policy["policyDocument"]["Statement"][0]["Effect"] != "Allow":
            return _denied()
        context: Context = policy["context"]
        return context

    async def is_good(self, context: Context) -> bool:
        """Return whether the key by which a socket was opened is one still. One that can't be looked up is."""
        try:
            return await self._authorizer.is_good(context.get("key_id", ""))
        except _ANSWERED as error:
            self._refusals.note("unavailable", f"a key of an open socket: {error}")
            return True

    async def _ask_about_request(self, event: dict[str, Any]) -> Context | Response:
        if not event["headers"].get("authorization", "").strip():
            return _nobody()  # as API Gateway: the authorizer is not asked about a request without its identity source
        try:
            answer = await self._authorizer.authorize_http(event)
        except _ANSWERED as error:
            return self._answer(error)
        if not answer["isAuthorized"]:
            return _denied()
        context: Context = answer["context"]
        return context

    def _answer(self, error: Exception) -> Response:
        if isinstance(error, UnauthorizedError):
            return _nobody()
        if isinstance(error, TooManyLookupsError):
            wait_ms, status = error.retry_after_ms, HTTPStatus.TOO_MANY_REQUESTS
            headers = {"retry-after": str(-(-wait_ms // 1000))}
            detail = "your address has asked with too many keys that are not valid here"
            return problem(status, detail, headers=headers, limit="lookups", retry_after_ms=wait_ms)
        self._refusals.note("unavailable", f"a key: {error}")
        detail = "the service can't look your key up right now; try again"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER)


def _nobody() -> Response:
    detail = "this needs an API key, in the header Authorization: Bearer …"
    return problem(HTTPStatus.UNAUTHORIZED, detail, headers={"www-authenticate": "Bearer"})


def _denied() -> Response:
    return problem(HTTPStatus.FORBIDDEN, "this key is not valid here")
