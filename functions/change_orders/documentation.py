"""Describes the changes of orders in OpenAPI: their bodies and their answers."""

from typing import Any

from functions.change_orders.amendment import AMENDABLE, LEGS, MOST_SEQUENCE, OF_A_LEG, OF_A_SNIPER, SEQUENCE
from functions.change_orders.documents import CancelAnswer, Cancelled
from functions.change_orders.order_list import MAX_ORDERS, ORDER_IDS
from orderflow.runtime.http.documentation import REFERENCE, answer
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from orderflow.runtime.http.order_models import MODELS
from orderflow.runtime.http.order_view import OrderSummary

_ID = "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10"
_OTHER_ID = "0198f6d5-7b5d-7a02-9c1e-5d3b8f6a4e21"
_THIRD_ID = "0198f6d5-7b5e-7c33-8a4f-6e2d1c0b9f87"
_CANCELLED = {
    "order_id": _ID,
    "status": "cancelled",
    "sequence": 3,
    "amount_filled": "0",
    "amount_remaining": "12.5",
}
_REQUESTED = {"order_id": _OTHER_ID, "status": "submitted", "cancel": "requested"}
_AMENDED = {
    "order_id": _ID,
    "client_order_id": None,
    "status": "open",
    "sequence": 3,
    "order_type": "limit",
    "token_in": "SOL",
    "token_out": "USDC",
    "amount": "12.5",
    "max_slippage": 0.05,
    "created_at": "2026-11-22T18:14:01.123Z",
    "updated_at": "2026-11-22T18:20:47.004Z",
    "execution_price": None,
    "tx_hash": None,
    "reason": None,
    "amount_filled": "0",
    "amount_remaining": "12.5",
    "average_price": None,
    "parent_id": None,
    "time_in_force": "gtc",
    "expires_at": None,
    "price_in": "token_out",
    "limit_price": "222.5",
    "allow_partial": False,
}
_FIXED = {"field": "token_in", "rule": "can't be changed"}


def _problem(status: int, title: str, detail: str, **members: Any) -> dict[str, Any]:
    """Return how OpenAPI shows a problem document."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return {"application/problem+json": {"example": document}}


_PROBLEM = _problem(
    *(409, "Conflict", f"order {_THIRD_ID} has ended: it is confirmed"), order_status="confirmed", sequence=7
)
_ENDED = _PROBLEM["application/problem+json"]["example"]
_TOO_MUCH = {
    "description": "it is not known whether the order is kept as it is to be, or too many changes are under way"
    " (`limit`); the same request may be sent again after Retry-After seconds"
}

CANCEL_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: answer(Cancelled, "cancelled: nothing of it is executed any more", example=_CANCELLED),
    202: answer(
        Cancelled,
        "its transaction is out, or a slice of it is under way: it ends `cancelled` if that is refused, which its"
        " statuses say",
        example=_REQUESTED,
    ),
    404: {"description": "there is no such order"},
    409: {
        "description": "it has ended otherwise: `order_status` says how",
        "content": _PROBLEM,
    },
    503: _TOO_MUCH,
}
CANCEL_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": [ORDER_IDS],
                    "properties": {
                        ORDER_IDS: {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MAX_ORDERS,
                            "items": {"type": "string", "format": "uuid"},
                        }
                    },
                },
                "example": {ORDER_IDS: [_ID, _OTHER_ID, _THIRD_ID]},
            }
        },
    }
}
CANCEL_EACH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: answer(
        CancelAnswer,
        "all are cancelled, or their cancel is requested",
        example={"results": [{"order": _CANCELLED}, {"order": _REQUESTED}]},
    ),
    207: answer(
        CancelAnswer,
        "at least one is not: its `problem` is the one that its own DELETE would have been answered, with its `status`",
        example={"results": [{"order": _CANCELLED}, {"order": _REQUESTED}, {"problem": _ENDED}]},
    ),
    400: {"description": f"not a list of 1 to {MAX_ORDERS} ids; nothing is cancelled"},
    413: {"description": f"a body of more than {MAX_BODY_BYTES} bytes"},
    415: {"description": "a content type other than application/json, or a content coding other than identity"},
    503: _TOO_MUCH,
}


def _amendable() -> dict[str, Any]:
    """Return the schemas of the fields that can be amended, as the types of orders have them."""
    known: dict[str, dict[str, Any]] = {}
    for model in MODELS.values():
        known |= model.model_json_schema(ref_template=REFERENCE.replace("{name}", "{model}"))["properties"]
    legs = {name: {"type": "object", "properties": {each: _plain(known[each]) for each in OF_A_LEG}} for name in LEGS}
    fields = {name: legs.get(name) or _plain(known[name]) for name in (*AMENDABLE, *OF_A_SNIPER)}
    fields["price_in"]["description"] = "what the prices count, if not what those of the order do; then all are given"
    sequence = {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_SEQUENCE,
        "description": "amend the order only if this is its sequence, as its latest status and its GET say it",
    }
    return {**fields, SEQUENCE: sequence}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without a default: what is not given stays."""
    return {name: value for name, value in schema.items() if name not in ("default", "title")}


AMEND_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "additionalProperties": False, "properties": _amendable()},
                "examples": {
                    "a limit": {"value": {"limit_price": "222.5", SEQUENCE: 2}},
                    "a stop": {"value": {"trigger_price": "205", "expires_in": 86400}},
                    "a sniper": {"value": {"filters": {"lp_burned": True}, "priority": "turbo"}},
                    "one leg of an oco": {"value": {"stop_loss": {"trigger_price": "205"}}},
                },
            }
        },
    }
}
AMEND_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: answer(
        OrderSummary,
        "the order after the step: `open`, or `cancelled` where its amount is filled already",
        example=_AMENDED,
    ),
    400: {
        "description": "not an order's id, or not what can be amended; `errors` names each field and rule",
        "content": _problem(400, "Bad Request", "token_in can't be changed", errors=[_FIXED]),
    },
    404: {"description": "there is no such order"},
    409: {"description": "it can't be amended as it is: `order_status` and `detail` say why", "content": _PROBLEM},
    412: {
        "description": "it is not at that `sequence` any more: `sequence` and `order_status` say where it is",
        "content": _problem(
            *(412, "Precondition Failed", f"order {_ID} is at sequence 3 by now, and open"),
            order_status="open",
            sequence=3,
        ),
    },
    413: {"description": f"a body of more than {MAX_BODY_BYTES} bytes"},
    415: {"description": "a content type other than application/json, or a content coding other than identity"},
    503: _TOO_MUCH,
}
