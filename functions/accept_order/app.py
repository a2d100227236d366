"""The HTTP API: orders in, durable before they are answered; orders, quotes and tokens out."""

from hashlib import sha256
from http import HTTPStatus
from typing import Any

import uuid_utils
from fastapi import FastAPI, Request, Response

from functions.accept_order.order_input import MAX_BODY_BYTES, ExecuteOrder, read_json_order
from functions.accept_order.order_view import json_response
from functions.accept_order.problems import FieldError, ProblemError, answer_problems, invalid
from functions.accept_order.reading import router
from orderflow.adapters.codec import encoder
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.domain.status import Status
from orderflow.runtime import async_clients, clock

app = FastAPI(
    title="Orderflow",
    version="0.1.0",
    description="Submit an order here, then watch it by sending its id to the WebSocket at /api/orders/status.",
    redoc_url=None,
    swagger_ui_oauth2_redirect_url=None,
    redirect_slashes=False,  # API Gateway knows the paths of the template and no others
)
answer_problems(app)

_MAX_KEY_LENGTH = 255
_ACCEPTED = {"order_id": "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10", "status": "pending"}
_POST_DOCUMENTATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ExecuteOrder.model_json_schema()}},
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "maxLength": _MAX_KEY_LENGTH},
            "description": "the same key with the same order makes one order, for 24 hours",
        }
    ],
}
_POST_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "accepted and durable", "content": {"application/json": {"example": _ACCEPTED}}},
    400: {"description": "not a valid order; `errors` names each field and rule"},
    413: {"description": f"a body of more than {MAX_BODY_BYTES} bytes"},
    415: {"description": "a content type other than application/json"},
    422: {"description": "the Idempotency-Key was used with another order"},
    503: {"description": "the order can't be kept right now; try again after Retry-After seconds"},
}


@app.post(
    "/api/orders/execute",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_POST_DOCUMENTATION,
    responses=_POST_RESPONSES,
)
async def execute(request: Request) -> Response:
    """Accept an order. When this answers 202 the order is durable and on its way."""
    body = await _read_body(request)
    wanted = read_json_order(body).request()
    outcome = await async_clients.intake().create(_new_order(wanted, request.headers.get("idempotency-key")))
    if isinstance(outcome, Conflict):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "this Idempotency-Key was used with another order",
            (FieldError("Idempotency-Key", "must not be used again with another order"),),
        )
    return json_response({"order_id": outcome, "status": Status.PENDING}, 202, {"location": f"/api/orders/{outcome}"})


@app.get("/api/orders/execute", status_code=HTTPStatus.UPGRADE_REQUIRED)
@app.get("/api/orders/status", status_code=HTTPStatus.UPGRADE_REQUIRED)
async def upgrade_required(request: Request) -> Response:
    """Say that this path is a WebSocket's."""
    raise ProblemError(
        HTTPStatus.UPGRADE_REQUIRED, f"{request.url.path} is a WebSocket: connect, then send an order id"
    )


# Behind the fixed paths above, which /api/orders/{order_id} would take for an order's.
app.include_router(router)


async def _read_body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        found = media_type or "none"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type must be application/json, not {found}")
    body = b""
    # Read piece by piece, so that a body without a length is not taken in whole before it is found too large.
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must be at most {MAX_BODY_BYTES} bytes")
    return body


def _new_order(wanted: OrderRequest, idempotency_key: str | None) -> NewOrder:
    """Return the order to create; one with an idempotency key lies in its key's partition, to be created with it."""
    now_ms = clock.now_ms()
    if idempotency_key is None:
        return NewOrder(Order.accept(_order_id(), wanted, now_ms))
    if not 1 <= len(idempotency_key) <= _MAX_KEY_LENGTH:
        raise invalid("Idempotency-Key", f"must have 1 to {_MAX_KEY_LENGTH} characters")
    key = sha256(idempotency_key.encode()).hexdigest()
    partitions = async_clients.intake().partitions
    order_id = _order_id()
    while partition_of(order_id, partitions) != partition_of(key, partitions):
        order_id = _order_id()
    fingerprint = sha256(encoder.encode(wanted)).hexdigest()
    return NewOrder(Order.accept(order_id, wanted, now_ms), key, fingerprint)


def _order_id() -> OrderId:
    # Version 7 sorts by time, which keeps the ledger's index compact; 74 of its bits are random.
    return OrderId(str(uuid_utils.uuid7()))
