"""API Gateway's connection management: POST delivers, GET describes, DELETE closes, 410 when the client is gone.

It is served on a listener of its own, and only to callers that send the system's secret. So are the metrics.
"""

import asyncio
import hmac
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.endpoints import HTTPEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.gateway.connections import Connection, Connections
from local.gateway.metrics import METRICS_PATH, Scrape
from local.gateway.ordering import Ordering, Verdict
from orderflow.adapters.sockets import (
    BATCH_PATH,
    MAX_BATCH_BYTES,
    MAX_MESSAGE_BYTES,
    SECRET_HEADER,
    Message,
    OpenCount,
    Undelivered,
)
from orderflow.runtime.http.problems import without_faults

MESSAGES_PER_TURN = 100
"""Messages that are queued before the connections have a turn to write."""

_batch_decoder = msgspec.json.Decoder(list[Message])


class _RefusedError(Exception):
    """A request that can't be carried out; `response` says why."""

    def __init__(self, status: HTTPStatus, name: str, message: str) -> None:
        super().__init__(message)
        self.response = _error(status, name, message)


def management_app(connections: Connections, secret: str, scrape: Scrape | None = None) -> ASGIApp:
    """Return the management API of `connections`, for callers that send `secret` in the header SECRET_HEADER.

    boto3's `apigatewaymanagementapi` client works against it (`orderflow.adapters.sockets.with_secret`). Any other
    caller is answered 403 before anything of its request is looked at, and so is every page in a browser.

    With a `scrape` there are metrics, for which the secret may come as Prometheus sends it, in `Authorization: Bearer`.
    """
    ordering = Ordering()

    async def post_many(request: Request) -> Response:
        """Deliver many messages in one request, which API Gateway has not; return those that were not delivered."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BadRequestException", "A batch is application/json")
        undelivered = Undelivered([], [])
        for place, message in enumerate(_read_batch(await _read(request, MAX_BATCH_BYTES))):
            if place % MESSAGES_PER_TURN == 0:
                # Or a client with many messages in a large batch would be taken for one that does not read.
                await asyncio.sleep(0)
            connection = connections.find(message.connection_id)
            if connection is None:
                undelivered.gone.append(place)
                continue
            verdict = ordering.decide(connection, message)
            if verdict is Verdict.PASS:
                connection.send(message.text)
            elif verdict is Verdict.OUT_OF_ORDER:
                undelivered.out_of_order.append(place)
        return Response(msgspec.json.encode(undelivered), media_type="application/json")

    async def count(_request: Request) -> Response:
        """Return how many connections are open, which API Gateway says by its metrics alone."""
        return Response(msgspec.json.encode(OpenCount(len(connections))), media_type="application/json")

    class OneConnection(HTTPEndpoint):
        """A connection, as API Gateway has it."""

        async def post(self, request: Request) -> Response:
            """Deliver the body to the connection."""
            connection = connections.find(request.path_params["connection_id"])
            if connection is None:
                return _gone()
            connection.send(_text(await _read(request, MAX_MESSAGE_BYTES)))
            return Response()

        async def get(self, request: Request) -> Response:
            """Describe the connection."""
            connection = connections.find(request.path_params["connection_id"])
            return _gone() if connection is None else _description(connection)

        async def delete(self, request: Request) -> Response:
            """Close the connection."""
            connection = connections.find(request.path_params["connection_id"])
            if connection is None:
                return _gone()
            connection.close()
            return Response(status_code=HTTPStatus.NO_CONTENT)

    async def metrics(request: Request) -> Response:
        if scrape is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "NotFoundException", "Not Found")
        answer = await scrape(request.headers.get("accept", ""))
        return Response(answer.body, media_type=None, headers={"content-type": answer.content_type})

    async def refused(_request: Request, error: Any) -> Response:
        response: Response = error.response
        return response

    app = Starlette(
        routes=[
            Route(METRICS_PATH, metrics, methods=["GET"]),
            Route(BATCH_PATH, post_many, methods=["POST"]),
            Route(BATCH_PATH, count, methods=["GET"]),
            Route(BATCH_PATH + "/{connection_id}", OneConnection),
        ],
        exception_handlers={_RefusedError: refused},
    )
    return without_faults(_SecretCheck(app, secret), "gateway")


class _SecretCheck:
    """An application for callers with the secret. A caller that disconnects during its request is no error."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Request(scope).headers
        given = _given(headers, scope["path"]).encode("latin-1")
        if not hmac.compare_digest(given, self._secret) or "origin" in headers:
            await _error(HTTPStatus.FORBIDDEN, "ForbiddenException", "Forbidden")(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return


def _given(headers: Headers, path: str) -> str:
    """Return the secret that a caller sends; a scraper can send no header of ours."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    is_scrape = path == METRICS_PATH and scheme.lower() == "bearer"
    return headers.get(SECRET_HEADER, token.strip() if is_scrape else "")


async def _read(request: Request, max_bytes: int) -> bytes:
    """Return the body. Raises _RefusedError as soon as it has more than `max_bytes`."""
    body = bytearray()
    declared = request.headers.get("content-length", "0")  # digits: the server refuses any other value
    if int(declared) <= max_bytes:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                break
        else:
            return bytes(body)
    raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLargeException", "Message too long")


def _read_batch(body: bytes) -> list[Message]:
    try:
        messages = _batch_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "BadRequestException", str(error)) from error
    for place, message in enumerate(messages):
        if len(message.text.encode()) > MAX_MESSAGE_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLargeException", f"Message {place} too long"
            )
    return messages


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "BadRequestException", "A message is UTF-8 text") from error


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
    # boto3 chooses its exception by this header; without it there is only a plain ClientError.
    headers = {"x-amzn-errortype": name}
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        headers["connection"] = "close"  # the rest of the body is not read
    return Response(msgspec.json.encode({"message": message}), status, headers, "application/json")
