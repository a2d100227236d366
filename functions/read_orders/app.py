"""Everything that is read over HTTP: orders, quotes, tokens, the market, launches, health, and the API described."""

from fastapi import Response

from functions.read_orders.charges import charge_of
from functions.read_orders.docs_page import router as docs_router
from functions.read_orders.health import OK, UNAVAILABLE, Health
from functions.read_orders.launches import LaunchPage
from functions.read_orders.launches import router as launches_router
from functions.read_orders.market import router as market_router
from functions.read_orders.market_view import PairList, PoolList, PriceList
from functions.read_orders.order_list import router as list_router
from functions.read_orders.orders import router as orders_router
from functions.read_orders.quote_view import Quote, TokenList
from functions.read_orders.quotes import router as quotes_router
from orderflow.runtime import async_clients
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.documentation import document_answers
from orderflow.runtime.http.order_view import OrderDetails, OrderPage
from orderflow.runtime.http.responses import json_response

app = http_app("read_orders", {"GET": "read"}, charge_of, ["/health", "/docs", "/docs/", "/openapi.json"])
document_answers(app, OrderDetails, OrderPage, Quote, TokenList, LaunchPage, PairList, PoolList, PriceList)
app.include_router(list_router)
app.include_router(orders_router)
app.include_router(quotes_router)
app.include_router(launches_router)
app.include_router(market_router)
app.include_router(docs_router)
_health = async_clients.once_per_loop(Health)


@app.get("/health")
async def health() -> Response:
    """Say whether Redis takes writes and Postgres answers; 503 when one does not."""
    state = await _health().state()
    healthy = all(answer == OK for answer in state.values())
    return json_response({"status": OK if healthy else UNAVAILABLE, **state}, 200 if healthy else 503)
