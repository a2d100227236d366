"""Orders in: each is checked, and durable before it is answered."""

import re
from http import HTTPStatus
from typing import Any

import uuid_utils
from fastapi import Request, Response
from starlette.datastructures import Headers

from functions.accept_order.accepted import Accepted, accepted
from functions.accept_order.idempotency import (
    CLIENT_ORDER_ID,
    KEY_HEADER,
    MAX_KEY_LENGTH,
    Name,
    fingerprint,
    name_of,
)
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.runtime import async_clients, clock
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.documentation import answer, document_answers
from orderflow.runtime.http.order_input import MAX_BODY_BYTES, ExecuteOrder, read_json_order
from orderflow.runtime.http.problems import ProblemError, shown
from orderflow.runtime.http.query import check_query
from orderflow.runtime.http.responses import json_response

app = http_app("accept_order")
document_answers(app, Accepted)

_ACCEPTED = {
    "order_id": "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10",
    "status": "pending",
    "amount": "12.5",
    "max_slippage": 0.05,
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_POST_DOCUMENTATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ExecuteOrder.model_json_schema()}},
    },
    "parameters": [
        {
            "name": KEY_HEADER,
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
            "description": "the same key with the same order makes one order, for 24 hours: printable ASCII, bare or as"
            f" a string of RFC 8941 in quotation marks. Not together with a {CLIENT_ORDER_ID}",
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
        }
    ],
}
_POST_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: answer(Accepted, "accepted and durable, with the amount and the slippage that were taken", example=_ACCEPTED),
    400: {"description": "not a valid order; `errors` names each field and rule"},
    413: {"description": f"a body of more than {MAX_BODY_BYTES} bytes"},
    415: {"description": "a content type other than application/json, or a content coding other than identity"},
    422: {"description": f"the {KEY_HEADER} or {CLIENT_ORDER_ID} was used with another order"},
    503: {
        "description": "the order can't be kept right now, or more is under way than the engine carries, and then"
        " `limit` says by which measure; try again after Retry-After seconds"
    },
}


@app.post(
    "/api/orders/execute",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_POST_DOCUMENTATION,
    responses=_POST_RESPONSES,
)
async def execute(request: Request) -> Response:
    """Accept an order. When this answers 202 the order is durable and on its way."""
    check_query(request)
    body = await _read_body(request)
    wanted = read_json_order(body)
    name = name_of(request.headers, wanted.client_order_id)
    asked = wanted.request()
    outcome = await async_clients.intake().create(_new_order(asked, name, wanted.client_order_id))
    if isinstance(outcome, Conflict):
        raise name.reused() if name else ValueError(f"an order without a name is in {outcome}")
    return json_response(accepted(outcome, asked), 202, {"location": f"/api/orders/{outcome}"})


@app.get("/api/orders/execute", status_code=HTTPStatus.UPGRADE_REQUIRED)
@app.get("/api/orders/status", status_code=HTTPStatus.UPGRADE_REQUIRED)
async def upgrade_required(request: Request) -> Response:
    """Say that this path is a WebSocket's."""
    raise ProblemError(
        HTTPStatus.UPGRADE_REQUIRED, f"{request.scope['path']} is a WebSocket: connect, then send an order id"
    )


async def _read_body(request: Request) -> bytes:
    _check_content(request.headers)
    body = b""
    # Read piece by piece, so that a body without a length is not taken in whole before it is found too large.
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must be at most {MAX_BODY_BYTES} bytes")
    return body


def _check_content(headers: Headers) -> None:
    """Raise ProblemError unless the body is stated to be JSON, once, and not to be compressed."""
    # Joined as API Gateway does it, so that a header that is sent twice is the same everywhere.
    stated = ",".join(headers.getlist("content-type"))
    media_type = stated.partition(";")[0].strip().lower()
    if media_type != "application/json" or "," in _QUOTED.sub("", stated):
        found = shown(stated if media_type == "application/json" else media_type) or "none"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type must be application/json, not {found}")
    codings = ",".join(headers.getlist("content-encoding"))
    if any(coding.strip().lower() not in ("", "identity") for coding in codings.split(",")):
        detail = f"the body must not be compressed: the content coding must be identity, not {shown(codings)}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"accept-encoding": "identity"})


def _new_order(asked: OrderRequest, name: Name | None, client_order_id: str | None) -> NewOrder:
    """Return the order to create; one with a name lies in the partition of its name's record, to be made with it."""
    now_ms = clock.now_ms()
    if name is None:
        return NewOrder(Order.accept(_order_id(), asked, now_ms))
    record = name.record
    partitions = async_clients.intake().partitions
    order_id = _order_id()
    while partition_of(order_id, partitions) != partition_of(record, partitions):
        order_id = _order_id()
    return NewOrder(Order.accept(order_id, asked, now_ms, client_order_id), record, fingerprint(asked))


def _order_id() -> OrderId:
    # Version 7 sorts by time, which keeps the ledger's index compact; 74 of its bits are random.
    return OrderId(str(uuid_utils.uuid7()))
