"""Quotes and tokens, read: what an order would yield now, and what can be traded."""

from typing import Any

from fastapi import APIRouter, Request, Response

from functions.read_orders.quote_view import Quote, TokenList, quote_of, tokens_at
from orderflow.errors import RejectedError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.order_input import ExecuteOrder, read_order
from orderflow.runtime.http.problems import invalid
from orderflow.runtime.http.query import KNOWN_QUERY, read_query
from orderflow.runtime.http.responses import json_response

router = APIRouter()


def order_in_query() -> dict[str, Any]:
    """Return how OpenAPI describes an order in a query: its fields, of which the type need not be given."""
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


@router.get(
    "/api/quote",
    openapi_extra=order_in_query(),
    responses={200: answer(Quote, "what the order would yield now")},
)
async def quote(request: Request) -> Response:
    """Return the route that an order (the same fields, in the query) would take now, and what it would yield."""
    wanted = read_order({"order_type": "market"} | read_query(request), text_is_a_number=True).request()
    [quoted] = await async_clients.quoting().run(lambda: clients.venue().quote([wanted], indicative=True))
    if isinstance(quoted, RejectedError):
        raise invalid("amount", str(quoted)) from quoted
    return json_response(quote_of(wanted, quoted.route))


@router.get("/api/tokens", dependencies=KNOWN_QUERY, responses={200: answer(TokenList, "the tokens")})
async def list_tokens() -> Response:
    """List the tokens that can be traded."""
    return json_response(tokens_at(clients.venue().reference_prices()))
