"""API Gateway's connection management: POST delivers, GET describes, DELETE closes, 410 when the client is gone."""

from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response

from local.gateway.connections import Connection, Connections
from local.gateway.ordering import Ordering, Verdict
from orderflow.adapters.sockets import BATCH_PATH, Kept, Message

MAX_MESSAGE_BYTES = 128 * 1024
_batch_decoder = msgspec.json.Decoder(list[Message])


def management_app(connections: Connections) -> FastAPI:
    """Return the management API of `connections`; boto3's `apigatewaymanagementapi` client works against it."""
    app = FastAPI(title="Connection management", openapi_url=None)
    ordering = Ordering()

    @app.post(BATCH_PATH)
    async def post_many(request: Request) -> Response:
        """Deliver many messages in one request, which API Gateway has not; answer with those that were kept back."""
        kept = Kept([], [])
        for place, message in enumerate(_batch_decoder.decode(await request.body())):
            connection = connections.find(message.connection_id)
            if connection is None:
                kept.gone.append(place)
                continue
            verdict = ordering.judge(connection, message)
            if verdict is Verdict.PASS:
                connection.send(message.text)
            elif verdict is Verdict.EARLY:
                kept.early.append(place)
        return Response(msgspec.json.encode(kept), media_type="application/json")

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
