"""The local gateway's connection management on a port of its own, with sockets for clients to open."""

import asyncio
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

import boto3
import uvicorn
from botocore.config import Config
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.sync.client import ClientConnection

from local.gateway.connections import Connection, Connections
from local.gateway.http_protocol import ManagementProtocol
from local.gateway.management import management_app
from orderflow.adapters.sockets import LocalGatewaySockets, with_secret

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

TIMEOUT_S = 10
SECRET = "a secret of the tests that is long enough"


class ManagementApi:
    """The management API on a port of its own, beside sockets that get their connection id as they open."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self._connections = Connections()
        self._management = management_app(self._connections, SECRET)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            http=partial(ManagementProtocol, secret=SECRET),  # type: ignore[arg-type] # it is only called
            ws="websockets-sansio",
            lifespan="off",
            log_level="warning",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._thread.start()

    @property
    def sockets(self) -> LocalGatewaySockets:
        """The sockets as the functions have them, the secret known."""
        return LocalGatewaySockets.at(f"http://{self.address}", SECRET)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(TIMEOUT_S)
        self._listener.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._management(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        connection = Connection(websocket)
        self._connections.add(connection)
        await websocket.send_text(connection.id)
        writer = asyncio.create_task(connection.write())
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
        writer.cancel()
        self._connections.remove(connection)
        self.left.set()


class Watcher:
    """A client with a socket open."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self.id = self.receive()

    def receive(self) -> str:
        return str(self._websocket.recv(TIMEOUT_S))

    def leave(self) -> None:
        self._websocket.close()


def api_client(endpoint: str, secret: str = SECRET) -> "ApiGatewayManagementApiClient":
    """Return boto3's client with the secret, and without the retries, whose back-off would only take time here."""
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with_secret(client, secret)
    return client
