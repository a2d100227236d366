"""Describes POST /api/orders/execute in OpenAPI: its body, its header and its answers."""

from typing import Any

from functions.accept_order.accepted import Accepted
from functions.accept_order.idempotency import CLIENT_ORDER_ID, KEY_HEADER, MAX_KEY_LENGTH
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.order_input import MAX_BODY_BYTES, ExecuteOrder

_ACCEPTED = {
    "order_id": "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10",
    "status": "pending",
    "amount": "12.5",
    "max_slippage": 0.05,
}
REQUEST: dict[str, Any] = {
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
RESPONSES: dict[int | str, dict[str, Any]] = {
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
