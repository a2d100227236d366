"""The HTTP API: orders in, durable before they are answered; orders, quotes and tokens out."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import redis
import uuid_utils
from fastapi import FastAPI, Query, Request, Response

from functions.accept_order.order_input import (
    MAX_BODY_BYTES,
    ExecuteOrder,
    read_json_order,
    read_order,
)
from functions.accept_order.order_view import details_of, details_of_row, summary_of_row
from functions.accept_order.problems import FieldError, ProblemError, answer_problems
from orderflow.adapters.codec import encoder
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.adapters.ledger import OrderFilter
from orderflow.domain.amounts import price, to_units
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.domain.routing import best_route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, Token, find_token
from orderflow.errors import RejectedError, RetryableError
from orderflow.market.universe import pools_of_pair
from orderflow.runtime import async_clients, clients, clock

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
    return _json({"order_id": outcome, "status": Status.PENDING}, 202, {"location": f"/api/orders/{outcome}"})


@app.get("/api/orders/execute", status_code=HTTPStatus.UPGRADE_REQUIRED)
@app.get("/api/orders/status", status_code=HTTPStatus.UPGRADE_REQUIRED)
async def upgrade_required(request: Request) -> Response:
    """Say that this path is a WebSocket's."""
    raise ProblemError(
        HTTPStatus.UPGRADE_REQUIRED, f"{request.url.path} is a WebSocket: connect, then send an order id"
    )


@app.get("/api/orders")
def list_orders(
    status: Annotated[str | None, Query(description="one of the six statuses")] = None,
    token_in: str | None = None,
    token_out: str | None = None,
    limit: str = "50",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """List orders from the ledger, the newest first."""
    if status is not None and status not in list(Status):
        raise _invalid("status", f"must be one of {', '.join(Status)}")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= 200):
        raise _invalid("limit", "must be from 1 to 200")
    wanted = OrderFilter(
        limit=int(limit) + 1,
        status=status,
        token_in=_symbol("token_in", token_in),
        token_out=_symbol("token_out", token_out),
        before=_decode_cursor(cursor) if cursor else None,
    )
    rows = clients.ledger().find_all(wanted)
    page = rows[: int(limit)]
    more = len(rows) > len(page)
    next_cursor = _encode_cursor(page[-1].created_at.isoformat(), page[-1].order_id) if more else None
    return _json({"orders": [summary_of_row(row) for row in page], "next_cursor": next_cursor})


@app.get("/api/orders/{order_id}")
def get_order(order_id: str) -> Response:
    """Return an order with its route, fills and history: from Redis while it is there, else from the ledger."""
    try:
        known_as = str(UUID(order_id))
    except ValueError as error:
        raise _unknown_order(order_id) from error
    found = clients.orders().find(known_as)
    if found is not None:
        return _json(details_of(*found))
    ledger = clients.ledger()
    row = ledger.find(known_as)
    if row is None:
        raise _unknown_order(order_id)
    return _json(details_of_row(row, ledger.fills(known_as), ledger.history(known_as)))


@app.get("/api/quote")
def quote(request: Request) -> Response:
    """Return the route that an order (the same fields, in the query) would take now, and what it would yield."""
    wanted = read_order({"order_type": "market", **request.query_params}).request()
    pools = clients.venue().pools(pools_of_pair(wanted.token_in, wanted.token_out))
    try:
        route = best_route(pools.values(), wanted.token_in, wanted.token_out, wanted.amount_in)
    except RejectedError as error:
        raise _invalid("amount", str(error)) from error
    token_in, token_out = TOKENS[wanted.token_in], TOKENS[wanted.token_out]
    least = minimum_out(route.expected_out, wanted.slippage_bps)
    return _json(
        {
            "token_in": wanted.token_in,
            "token_out": wanted.token_out,
            "amount": _units(wanted.amount_in, token_in),
            "expected_out": _units(route.expected_out, token_out),
            "minimum_out": _units(least, token_out),
            "price": price(wanted.amount_in, token_in, route.expected_out, token_out),
            "price_impact": route.price_impact,
            "fees": [{"token": leg.fee_token, "amount": _units(leg.fee, TOKENS[leg.fee_token])} for leg in route.legs],
            "route": route,
        }
    )


@app.get("/api/tokens")
async def list_tokens() -> Response:
    """List the tokens that can be traded."""
    return _json({"tokens": list(TOKENS.values())})


@app.get("/health")
def health() -> Response:
    """Say whether Redis and Postgres answer; 503 when one does not."""
    checks: dict[str, Callable[[], object]] = {
        "redis": clients.redis_client().ping,
        "postgres": clients.ledger().ping,
    }
    state: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
            state[name] = "ok"
        except (RetryableError, OSError, redis.RedisError) as error:
            state[name] = str(error)
    healthy = all(answer == "ok" for answer in state.values())
    return _json({"status": "ok" if healthy else "unavailable", **state}, 200 if healthy else 503)


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
        raise _invalid("Idempotency-Key", f"must have 1 to {_MAX_KEY_LENGTH} characters")
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


def _symbol(field: str, name: str | None) -> str | None:
    if name is None:
        return None
    token = find_token(name)
    if token is None:
        raise _invalid(field, f"must be one of {', '.join(TOKENS)}, or the mint of one")
    return token.symbol


def _encode_cursor(created_at: str, order_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created_at} {order_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, str]:
    try:
        created_at, order_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        # Written anew, since Python reads forms of both that Postgres does not.
        return datetime.fromisoformat(created_at).isoformat(), str(UUID(order_id))
    except (binascii.Error, ValueError) as error:
        raise _invalid("cursor", "must be the next_cursor of a page") from error


def _invalid(field: str, rule: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{field} {rule}", (FieldError(field, rule),))


def _unknown_order(order_id: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {order_id[:64]}")


def _units(atoms: int, token: Token) -> str:
    return f"{to_units(atoms, token):f}"


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encoder.encode(document), status, headers, "application/json")
