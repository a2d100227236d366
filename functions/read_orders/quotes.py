"""Quotes and tokens, read: what an order would yield now, and what can be traded."""

from typing import Any

from fastapi import APIRouter, Request, Response

from functions.read_orders.quote_view import Quote, TokenList, quote_of, tokens_at
from orderflow.domain.order import MARKET, OrderRequest
from orderflow.domain.ticks import PairPrices
from orderflow.errors import PoolNotOpenError, RejectedError
from orderflow.runtime import async_clients, clients, clock
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.launched_tokens import find_launched
from orderflow.runtime.http.order_amounts import check_amounts
from orderflow.runtime.http.order_base import OrderInput, RestingOrder
from orderflow.runtime.http.order_input import read_order
from orderflow.runtime.http.order_models import MODELS
from orderflow.runtime.http.problems import invalid
from orderflow.runtime.http.query import KNOWN_QUERY, read_query
from orderflow.runtime.http.responses import json_response

QUOTED = ("market", "limit", "take_profit", "stop_loss", "trailing_stop")
"""The types of orders whose fields fit in a query."""
_NOT_IN_A_QUERY = ("order_type", "then")

router = APIRouter()


def order_in_query() -> dict[str, Any]:
    """Return how OpenAPI describes an order in a query: its fields, of which most are those of some types only."""
    schemas = [MODELS[name].model_json_schema() for name in QUOTED]
    types = {"type": "string", "enum": list(QUOTED), "default": MARKET}
    parameters = [{"name": "order_type", "in": "query", "required": False, "schema": types}]
    fields = {name: described for schema in reversed(schemas) for name, described in schema["properties"].items()}
    # What a slippage is by default depends on the type.
    fields["max_slippage"] = {key: value for key, value in fields["max_slippage"].items() if key != "default"}
    for name, described in fields.items():
        if name in _NOT_IN_A_QUERY:
            continue
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": all(name in schema["required"] for schema in schemas),
                "description": described.get("description", ""),
                "schema": {key: value for key, value in described.items() if key != "description"},
            }
        )
    return {"parameters": parameters}


@router.get(
    "/api/quote",
    openapi_extra=order_in_query(),
    responses={200: answer(Quote, "what the order would yield now, and how far the market is from what it waits for")},
)
async def quote(request: Request) -> Response:
    """Return the route that an order (the same fields, in the query) would take now, and what it would yield.

    `distance_bps` says how far the market is from what a limit or a trigger waits for, in basis points of that: above
    zero until it is there.
    """
    fields = {"order_type": MARKET} | read_query(request)
    if fields["order_type"] == "sniper":
        raise invalid("order_type", "must not be sniper: what such an order buys has no price before it is launched")
    if fields["order_type"] not in QUOTED:
        raise invalid("order_type", f"must be one of {', '.join(QUOTED)}")
    account = caller(request).account
    wanted = read_order(fields, text_is_a_number=True, launched=await find_launched([fields], account))
    return json_response(await async_clients.quoting().run(_quote, wanted, account=account))


@router.get("/api/tokens", dependencies=KNOWN_QUERY, responses={200: answer(TokenList, "the tokens")})
async def list_tokens(request: Request) -> Response:
    """List the tokens that can be traded: those that were launched, and trade now, behind the others."""
    return json_response(await async_clients.lookups().run(_tokens, account=caller(request).account))


def _tokens() -> TokenList:
    """Return the tokens, those that were launched and trade now behind the others."""
    venue = clients.venue()
    launches = venue.launches()
    if not launches:
        return tokens_at(venue.reference_prices())
    tick = venue.prices()
    trading = [launch.token for launch in launches if launch.trades_at(tick.slot)]
    return tokens_at(venue.reference_prices(), trading, tick)


def _quote(wanted: OrderInput) -> Quote:
    """Return the quote of an order. Raises ProblemError when it can have none."""
    asked, venue = wanted.request(clock.now_ms()), clients.venue()
    check_amounts(asked, venue.reference_prices())
    now = OrderRequest(
        asked.token_in, asked.token_out, asked.amount_in, MARKET, asked.slippage_bps, tokens=asked.tokens
    )
    [quoted] = venue.quote([now], indicative=True)
    if isinstance(quoted, PoolNotOpenError):
        raise invalid(_not_trading(asked), f"can't be traded: {quoted}") from quoted
    if isinstance(quoted, RejectedError):
        raise invalid("amount", str(quoted)) from quoted
    prices: PairPrices | None = venue.prices().prices.get(asked.pair) if asked.triggers else None
    inverted = isinstance(wanted, RestingOrder) and wanted.price_in == "token_in"
    return quote_of(asked, quoted.route, prices.reference if prices else None, inverted=inverted)


def _not_trading(asked: OrderRequest) -> str:
    """Return the field whose token has no pool that is open: one that was launched, and does not trade now."""
    venue = clients.venue()
    slot = venue.slot()
    trading = {launch.token.symbol for launch in venue.launches() if launch.trades_at(slot)}
    launched = {token.symbol for token in asked.tokens}
    return "token_in" if asked.token_in in launched - trading else "token_out"
