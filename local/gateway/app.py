"""The local gateway: everything that clients reach, on one port, as API Gateway would route it to the functions."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from functions.accept_order.app import app as http_api
from functions.watch_order.handler import websocket_api
from local.gateway.connections import Connections
from local.gateway.management import management_app
from local.gateway.websocket import WebSocketApi
from orderflow.adapters.sockets import BATCH_PATH

WEBSOCKET_PATHS = ("/api/orders/execute", "/api/orders/status")


def gateway_app() -> ASGIApp:
    """Return the gateway. It hands HTTP requests to the very app that Mangum wraps on Lambda."""
    connections = Connections()
    sockets = WebSocketApi(websocket_api, connections)
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
            await http_api(scope, receive, send)

    return gateway


def _path(scope: Mapping[str, object]) -> str:
    return str(scope.get("path", ""))
