"""The local gateway: all paths that clients reach, on one port, as API Gateway would route them to the functions."""

from collections.abc import Collection
from http import HTTPStatus

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from functions.watch_order.handler import websocket_api
from local.gateway.authorization import Authorizer, KeyAuthorization, OpenAuthorization
from local.gateway.connections import Connections
from local.gateway.hosts import HostCheck, Hosts
from local.gateway.measured import Measured, RequestTimes
from local.gateway.routes import http_api
from local.gateway.websocket import WebSocketApi
from orderflow.runtime.http.problems import overloaded, problem, shown, without_faults
from orderflow.runtime.refusals import Refusals

WEBSOCKET_PATHS = ("/api/orders/execute", "/api/orders/status")
HEALTH_PATH = "/health"
MAX_HEALTH_REQUESTS = 64
"""Health checks are answered however many requests clients make, but so many at once at most."""


def gateway_app(
    max_requests: int,
    max_sockets: int,
    connections: Connections | None = None,
    hosts: Hosts | None = None,
    *,
    authorizer: Authorizer | None = None,
    market_by_hand: bool = False,
    times: RequestTimes | None = None,
) -> ASGIApp:
    """Return the gateway. It hands HTTP requests to the very apps that Mangum wraps on Lambda.

    It serves `max_requests` and `max_sockets` at once, and refuses more. The open sockets are in `connections`,
    to which the management API writes on a listener of its own: here `/@connections` is as unknown as any other path.
    What `hosts` does not allow (by default: all but this machine's names) is refused before that.

    With an `authorizer` each socket needs an API key, and so does each request but those for public routes. With
    `market_by_hand` there is a path, which no deployment has, that lets the mock market's slots pass. With `times`
    requests are counted there.
    """
    connections = connections if connections is not None else Connections()
    refusals = Refusals("gateway")
    authorization = KeyAuthorization(authorizer) if authorizer else None
    if authorization:
        api = http_api(authorization.guard, market_by_hand=market_by_hand)
    else:
        api = OpenAuthorization(http_api(market_by_hand=market_by_hand))
    requests = ConcurrencyLimit(max_requests, api, refusals)
    health = ConcurrencyLimit(MAX_HEALTH_REQUESTS, http_api(), refusals, "MAX_HEALTH_REQUESTS")
    sockets = WebSocketApi(websocket_api, connections, max_sockets, refusals, authorization)

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if scope["path"] in WEBSOCKET_PATHS:
                await sockets.serve(WebSocket(scope, receive, send))
            else:
                nothing = problem(HTTPStatus.NOT_FOUND, f"there is nothing at {shown(scope['path'])}")
                await WebSocket(scope, receive, send).send_denial_response(nothing)
        elif scope.get("path") == HEALTH_PATH:
            await health(scope, receive, send)
        else:
            await requests(scope, receive, send)

    hosts = hosts or Hosts()
    app = without_faults(HostCheck(_readable_for(hosts.origins, gateway), hosts), "gateway")
    return Measured(app, times) if times is not None else app


def _readable_for(origins: Collection[str], app: ASGIApp) -> ASGIApp:
    """Return `app` with what browsers need to let pages of these origins send orders and read answers."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=sorted(origins),
        allow_methods=["DELETE", "GET", "PATCH", "POST"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["Location", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate"],
    )


class ConcurrencyLimit:
    """An application that serves so many requests at once, and refuses more at hardly any cost."""

    def __init__(self, max_requests: int, app: ASGIApp, refusals: Refusals, limit: str = "MAX_REQUESTS") -> None:
        self._max_requests = max_requests
        self._limit = limit
        self._app = app
        self._refusals = refusals
        self._serving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._serving >= self._max_requests:
            self._refusals.note(self._limit, f"{self._serving} requests are being served")
            await overloaded(self._limit)(scope, receive, send)
            return
        self._serving += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._serving -= 1
