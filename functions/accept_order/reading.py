"""The reading side of the HTTP API: orders, quotes, tokens and health, from Redis and the ledger."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import redis
from fastapi import APIRouter, Depends, Query, Request, Response

from functions.accept_order.order_input import ExecuteOrder, read_client_order_id, read_order
from functions.accept_order.order_view import details_of, details_of_row, json_response, summary_of_row
from functions.accept_order.problems import ProblemError, invalid, shown
from functions.accept_order.query import known_query, read_query
from orderflow.adapters.ledger import OrderFilter
from orderflow.domain.amounts import price, to_units
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, Token, find_token
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime import clients

router = APIRouter()
KNOWN_QUERY = [Depends(known_query)]


@router.get("/api/orders", dependencies=KNOWN_QUERY)
def list_orders(
    status: Annotated[str | None, Query(description="one of the six statuses")] = None,
    token_in: str | None = None,
    token_out: str | None = None,
    client_order_id: Annotated[str | None, Query(description="the client's own name for the order")] = None,
    limit: str = "50",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """List orders from the ledger, the newest first."""
    if status is not None and status not in list(Status):
        raise invalid("status", f"must be one of {', '.join(Status)}")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= 200):
        raise invalid("limit", "must be from 1 to 200")
    wanted = OrderFilter(
        limit=int(limit) + 1,
        status=status,
        token_in=_symbol("token_in", token_in),
        token_out=_symbol("token_out", token_out),
        client_order_id=_client_order_id(client_order_id),
        before=_decode_cursor(cursor) if cursor else None,
    )
    rows = clients.ledger().find_all(wanted)
    page = rows[: int(limit)]
    more = len(rows) > len(page)
    next_cursor = _encode_cursor(page[-1].created_at.isoformat(), page[-1].order_id) if more else None
    return json_response({"orders": [summary_of_row(row) for row in page], "next_cursor": next_cursor})


@router.get("/api/orders/{order_id}", dependencies=KNOWN_QUERY)
def get_order(order_id: str) -> Response:
    """Return an order with its route, fills and history: from Redis while it is there, else from the ledger."""
    try:
        known_as = str(UUID(order_id))
    except ValueError as error:
        raise _unknown_order(order_id) from error
    found = clients.orders().find(known_as)
    if found is not None:
        return json_response(details_of(*found))
    ledger = clients.ledger()
    row = ledger.find(known_as)
    if row is None:
        raise _unknown_order(order_id)
    return json_response(details_of_row(row, ledger.fills(known_as), ledger.history(known_as)))


def _quote_documentation() -> dict[str, Any]:
    """Return the quote's query as OpenAPI describes it: the fields of an order, whose type need not be said."""
    schema = ExecuteOrder.model_json_schema()
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in schema["required"] and name != "order_type",
                "description": described.get("description", ""),
                "schema": {key: value for key, value in described.items() if key != "description"},
            }
            for name, described in schema["properties"].items()
        ]
    }


@router.get("/api/quote", openapi_extra=_quote_documentation())
def quote(request: Request) -> Response:
    """Return the route that an order (the same fields, in the query) would take now, and what it would yield."""
    wanted = read_order({"order_type": "market"} | read_query(request), text_is_a_number=True).request()
    [route] = clients.router().routes([wanted], in_time=False)
    if isinstance(route, RejectedError):
        raise invalid("amount", str(route)) from route
    token_in, token_out = TOKENS[wanted.token_in], TOKENS[wanted.token_out]
    least = minimum_out(route.expected_out, wanted.slippage_bps)
    return json_response(
        {
            "token_in": wanted.token_in,
            "token_out": wanted.token_out,
            "amount": _units(wanted.amount_in, token_in),
            "expected_out": _units(route.expected_out, token_out),
            "minimum_out": _units(least, token_out),
            "price": price(wanted.amount_in, token_in, route.expected_out, token_out),
            "price_impact": route.price_impact,
            "improvement_bps": route.improvement_bps,
            "network_fee": {"token": "SOL", "amount": _units(route.network_fee, TOKENS["SOL"])},
            "fees": [{"token": leg.fee_token, "amount": _units(leg.fee, TOKENS[leg.fee_token])} for leg in route.legs],
            "route": route,
        }
    )


@router.get("/api/tokens", dependencies=KNOWN_QUERY)
async def list_tokens() -> Response:
    """List the tokens that can be traded."""
    return json_response({"tokens": list(TOKENS.values())})


@router.get("/health")
def health() -> Response:
    """Say whether Redis and Postgres answer; 503 when one does not."""
    checks: dict[str, Callable[[], object]] = {
        "redis": lambda: clients.redis_client().ping(),
        "postgres": lambda: clients.ledger().ping(),
    }
    state: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
            state[name] = "ok"
        except (RetryableError, OSError, redis.RedisError) as error:
            state[name] = str(error)
    healthy = all(answer == "ok" for answer in state.values())
    return json_response({"status": "ok" if healthy else "unavailable", **state}, 200 if healthy else 503)


def _symbol(field: str, name: str | None) -> str | None:
    if name is None:
        return None
    token = find_token(name)
    if token is None:
        raise invalid(field, f"must be one of {', '.join(TOKENS)}, or the mint of one")
    return token.symbol


def _client_order_id(text: str | None) -> str | None:
    try:
        return None if text is None else read_client_order_id(text)
    except ValueError as error:
        raise invalid("client_order_id", str(error)) from error


def _encode_cursor(created_at: str, order_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created_at} {order_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, str]:
    try:
        created_at, order_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        # Written anew, since Python reads forms of both that Postgres does not.
        return datetime.fromisoformat(created_at).isoformat(), str(UUID(order_id))
    except (binascii.Error, ValueError) as error:
        raise invalid("cursor", "must be the next_cursor of a page") from error


def _unknown_order(order_id: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {shown(order_id)}")


def _units(atoms: int, token: Token) -> str:
    return f"{to_units(atoms, token):f}"
