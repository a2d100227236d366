"""The local gateway: everything that clients reach, on one port, as API Gateway would route it to the functions."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from functions.accept_order.app import app as http_api
from functions.accept_order.problems import overloaded, without_faults
from functions.watch_order.handler import websocket_api
from local.gateway.connections import Connections
from local.gateway.management import management_app
from local.gateway.websocket import WebSocketApi
from orderflow.adapters.sockets import BATCH_PATH
from orderflow.runtime.refusals import Refusals

WEBSOCKET_PATHS = ("/api/orders/execute", "/api/orders/status")


def gateway_app(max_requests: int, max_sockets: int) -> ASGIApp:
    """Return the gateway. It hands HTTP requests to the very app that Mangum wraps on Lambda.

    Of clients it serves so many requests and sockets at once, and refuses more; the statuses' way in has no bound.
    """
    connections = Connections()
    refusals = Refusals("gateway")
    requests = AtMost(max_requests, http_api, refusals)
    sockets = WebSocketApi(websocket_api, connections, max_sockets, refusals)
    management = management_app(connections)

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if scope["path"] in WEBSOCKET_PATHS:
                await sockets.serve(WebSocket(scope, receive, send))
            else:
                await WebSocket(scope, receive, send).close()
        elif _path(scope).startswith(BATCH_PATH):
            await management(scope, receive, send)
        else:
            await requests(scope, receive, send)

    return without_faults(gateway, "gateway")


class AtMost:
    """An application that serves so many requests at once, and refuses more at hardly any cost."""

    def __init__(self, max_requests: int, app: ASGIApp, refusals: Refusals) -> None:
        self._max_requests = max_requests
        self._app = app
        self._refusals = refusals
        self._serving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._serving >= self._max_requests:
            self._refusals.note("MAX_REQUESTS", f"{self._serving} requests are being served")
            await overloaded("MAX_REQUESTS")(scope, receive, send)
            return
        self._serving += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._serving -= 1


def _path(scope: Mapping[str, object]) -> str:
    return str(scope.get("path", ""))
