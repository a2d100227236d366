"""API Gateway's connection management: POST delivers, GET describes, DELETE closes, 410 when the client is gone."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response

from local.gateway.connections import Connection, Connections
from orderflow.adapters.sockets import BATCH_PATH, Message

MAX_MESSAGE_BYTES = 128 * 1024
_batch_decoder = msgspec.json.Decoder(list[Message])


def management_app(connections: Connections) -> FastAPI:
    """Return the management API of `connections`; boto3's `apigatewaymanagementapi` client works against it."""
    app = FastAPI(title="Connection management", openapi_url=None)
    fence = Fence()

    @app.post(BATCH_PATH)
    async def post_many(request: Request) -> Response:
        """Deliver many messages in one request, which API Gateway has not; answer with the ids that are gone."""
        gone: set[str] = set()
        for message in fence.pass_new(_batch_decoder.decode(await request.body())):
            connection = connections.find(message.connection_id)
            if connection is None:
                gone.add(message.connection_id)
            else:
                connection.send(message.text)
        return Response(msgspec.json.encode(sorted(gone)), media_type="application/json")

    @app.post(BATCH_PATH + "/{connection_id}")
    async def post_one(connection_id: str, request: Request) -> Response:
        """Deliver the body to a connection."""
        connection = connections.find(connection_id)
        if connection is None:
            return _gone()
        body = await request.body()
        if len(body) > MAX_MESSAGE_BYTES:
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLargeException", "Message too long")
        connection.send(body.decode(errors="replace"))
        return Response()

    @app.get(BATCH_PATH + "/{connection_id}")
    async def describe(connection_id: str) -> Response:
        """Describe a connection."""
        connection = connections.find(connection_id)
        return _gone() if connection is None else _description(connection)

    @app.delete(BATCH_PATH + "/{connection_id}")
    async def delete(connection_id: str) -> Response:
        """Close a connection."""
        connection = connections.find(connection_id)
        if connection is None:
            return _gone()
        connection.close()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return app


class Fence:
    """Keeps back what has been here before: a repeated batch's messages, or those of a publisher that was replaced.

    The status streams give each message its place, and their publishers go on in that order.
    """

    def __init__(self) -> None:
        self._passed: dict[str, tuple[int, int]] = {}

    def pass_new(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages whose place in their partition lies behind all of those of earlier calls."""
        before = self._passed.copy()
        passed = []
        for message in messages:
            if message.entry_id:
                milliseconds, _, number = message.entry_id.partition("-")
                place = int(milliseconds), int(number)
                if place <= before.get(message.partition, (0, 0)):
                    continue
                self._passed[message.partition] = max(place, self._passed.get(message.partition, (0, 0)))
            passed.append(message)
        return passed


def _description(connection: Connection) -> Response:
    document = {
        "connectedAt": connection.connected_at.isoformat(),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
        "lastActiveAt": connection.last_active_at.isoformat(),
    }
    return Response(msgspec.json.encode(document), media_type="application/json")


def _gone() -> Response:
    return _error(HTTPStatus.GONE, "GoneException", "")


def _error(status: HTTPStatus, name: str, message: str) -> Response:
    # boto3 tells its exceptions apart by this header; without it there is only a plain ClientError.
    return Response(
        msgspec.json.encode({"message": message}),
        status,
        {"x-amzn-errortype": name},
        "application/json",
    )
