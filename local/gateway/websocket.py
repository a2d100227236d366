"""Emulates API Gateway's WebSocket API: connections in, `$connect`, `$default` and `$disconnect` events out."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from mangum import Mangum
from mangum.protocols import HTTPCycle
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from local.gateway.authorization import KeyAuthorization
from local.gateway.authorizer_events import STAGE, handshake_event, next_request_id
from local.gateway.connections import POLICY_VIOLATION, Backlog, Connection, Connections
from local.gateway.frame_rate_limit import FrameRateLimit
from local.gateway.open_keys import OpenKeys
from orderflow.runtime.http.problems import overloaded
from orderflow.runtime.refusals import Refusals

UNSUPPORTED_DATA = 1003


class WebSocketApi:
    """The WebSocket routes, served by the function that `mangum` wraps on Lambda.

    With an `authorization` each socket needs a key, and ends when that does.
    """

    def __init__(
        self,
        mangum: Mangum,
        connections: Connections,
        max_sockets: int,
        refusals: Refusals,
        authorization: KeyAuthorization | None = None,
    ) -> None:
        self._mangum = mangum
        self._connections = connections
        self._max_sockets = max_sockets
        self._refusals = refusals
        self._authorization = authorization
        self._keys = OpenKeys(authorization) if authorization else None
        self._backlog = Backlog()
        self._serving = 0

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one client until it closes its socket; refuse it when there are too many."""
        if self._serving >= self._max_sockets:
            self._refusals.note("MAX_SOCKETS", f"{self._serving} sockets are open")
            await websocket.send_denial_response(overloaded("MAX_SOCKETS"))
            return
        self._serving += 1
        try:
            await self._serve(websocket)
        finally:
            self._serving -= 1

    async def _serve(self, websocket: WebSocket) -> None:
        connection = Connection(websocket, self._backlog)
        if self._authorization:
            event = handshake_event(websocket.scope, _request_context(connection, "$connect", "CONNECT"))
            admitted = await self._authorization.admit(event)
            if isinstance(admitted, Response):
                await websocket.send_denial_response(admitted)
                return
            connection.context = admitted
        # Before $connect: by then the function may ask whether this one is open, and it is about to be.
        self._connections.add(connection)
        try:
            await self._open(websocket, connection)
        finally:
            self._connections.remove(connection)

    async def _open(self, websocket: WebSocket, connection: Connection) -> None:
        answer = await self._invoke(connection, "$connect", "CONNECT")
        if answer["statusCode"] >= 400:
            await websocket.send_denial_response(Response(answer["body"], answer["statusCode"], answer.get("headers")))
            return
        writer: asyncio.Task[None] | None = None
        try:
            await websocket.accept()
            if self._keys:
                self._keys.add(connection)
            writer = asyncio.create_task(connection.write())
            await self._read(websocket, connection)
        except WebSocketDisconnect:
            pass
        finally:
            if self._keys:
                self._keys.remove(connection)
            self._connections.remove(connection)
            if writer:
                writer.cancel()
            await self._invoke(connection, "$disconnect", "DISCONNECT")

    async def _read(self, websocket: WebSocket, connection: Connection) -> None:
        rate_limit = FrameRateLimit()
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            connection.touch()
            if not connection.open:
                continue  # it is being closed; frames that it sent before that are not served any more
            if refusal := rate_limit.count(time.monotonic()):
                self._refusals.note("FRAMES", f"connection {connection.id} from {connection.source_ip}")
                connection.send(refusal)
                if rate_limit.too_many_refusals:
                    connection.close(POLICY_VIOLATION)
                continue
            text = message.get("text")
            if text is None:
                # As API Gateway does: it carries no binary frames.
                connection.close(UNSUPPORTED_DATA)
                continue
            if self._keys and not await self._keys.check(connection):
                continue
            answer = await self._invoke(connection, "$default", "MESSAGE", text)
            if answer.get("body"):
                connection.send(answer["body"])

    async def _invoke(
        self, connection: Connection, route_key: str, event_type: str, body: str | None = None
    ) -> dict[str, Any]:
        """Run the function on an event, as Lambda would, but in the loop that is running here."""
        event = _event(connection, route_key, event_type, body)
        handler = self._mangum.infer(event, None)  # type: ignore[arg-type]
        cycle = HTTPCycle(handler.scope, handler.body)
        await cycle.run(self._mangum.app)
        return handler({"status": cycle.status, "headers": cycle.headers, "body": cycle.body})


def _event(connection: Connection, route_key: str, event_type: str, body: str | None) -> dict[str, Any]:
    """Return the event that API Gateway sends to Lambda (its documented WebSocket proxy format)."""
    context = _request_context(connection, route_key, event_type) | {"authorizer": connection.context}
    event: dict[str, Any] = {"requestContext": context, "isBase64Encoded": False}
    if body is not None:
        event["body"] = body
    return event


def _request_context(connection: Connection, route_key: str, event_type: str) -> dict[str, Any]:
    request_id = next_request_id()
    return {
        "routeKey": route_key,
        "eventType": event_type,
        "connectionId": connection.id,
        "requestId": request_id,
        "extendedRequestId": request_id,
        "requestTime": datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": time.time_ns() // 1_000_000,
        "connectedAt": int(connection.connected_at.timestamp() * 1000),
        "messageDirection": "IN",
        "stage": STAGE,
        "domainName": "localhost",
        "apiId": "local",
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
    }
