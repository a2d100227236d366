"""Describes the POSTs of orders in OpenAPI: their bodies, their header and their answers."""

from typing import Any

from functions.accept_order.accepted import Accepted
from functions.accept_order.batch import MAX_ORDERS, ORDERS, BatchAnswer
from functions.accept_order.examples import ACCEPTED, ACCEPTED_MARKET, ORDERS_BY_TYPE
from functions.accept_order.idempotency import CLIENT_ORDER_ID, KEY_HEADER, MAX_KEY_LENGTH
from orderflow.runtime.http.documentation import answer, one_of
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from orderflow.runtime.http.order_models import MODELS

_ORDER = one_of(MODELS, by="order_type")
_BATCH = {
    "type": "object",
    "additionalProperties": False,
    "required": [ORDERS],
    "properties": {ORDERS: {"type": "array", "minItems": 1, "maxItems": MAX_ORDERS, "items": _ORDER}},
}


def _request(schema: dict[str, Any], key: str, examples: dict[str, Any]) -> dict[str, Any]:
    """Return how OpenAPI describes a request with such a body; `key` says what its Idempotency-Key does."""
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}},
        "parameters": [
            {
                "name": KEY_HEADER,
                "in": "header",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
                "description": f"{key}, for 24 hours: printable ASCII, bare or as a string of RFC 8941 in quotation"
                f" marks. Not together with a {CLIENT_ORDER_ID}",
                "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
            }
        ],
    }


_EXAMPLES = {name: {"summary": summary, "value": order} for name, (summary, order) in ORDERS_BY_TYPE.items()}
_MIXED = {"summary": "orders of several types", "value": {ORDERS: [order for _, order in ORDERS_BY_TYPE.values()][:3]}}
REQUEST = _request(_ORDER, "the same key with the same order makes one order", _EXAMPLES)
BATCH_REQUEST = _request(
    _BATCH, "the same key with the same order at the same place of a batch makes one order", {"mixed": _MIXED}
)
_TOO_LARGE = {"description": f"a body of more than {MAX_BODY_BYTES} bytes"}
_OTHER_CONTENT = {"description": "a content type other than application/json, or a content coding other than identity"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: answer(
        Accepted,
        "accepted and durable, with the amount and the slippage that were taken; an order that waits says what it waits"
        " for, too",
        examples=ACCEPTED,
    ),
    400: {"description": "not a valid order; `errors` names each field and rule"},
    413: _TOO_LARGE,
    415: _OTHER_CONTENT,
    422: {"description": f"the {KEY_HEADER} or {CLIENT_ORDER_ID} was used with another order"},
    503: {
        "description": "the order can't be kept right now, or more is under way than the engine carries, and then"
        " `limit` says by which measure; try again after Retry-After seconds"
    },
}
_REUSED = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": f"this {CLIENT_ORDER_ID} was used with another order",
    "errors": [{"field": CLIENT_ORDER_ID, "rule": "must not be used again with another order"}],
}
BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: answer(BatchAnswer, "all accepted and durable", example={"results": [{"order": ACCEPTED_MARKET}]}),
    207: answer(
        BatchAnswer,
        "at least one was not accepted: its `problem` is the one that its own POST would have been answered, with its"
        " `status`. The orders with 503 may be sent again after Retry-After seconds",
        example={"results": [{"order": ACCEPTED_MARKET}, {"problem": _REUSED}]},
    ),
    400: {"description": f"not a batch of 1 to {MAX_ORDERS} orders, or no valid {KEY_HEADER}; no order was made"},
    413: _TOO_LARGE,
    415: _OTHER_CONTENT,
    503: {"description": "the gateway serves no more requests right now; no order was made"},
}
