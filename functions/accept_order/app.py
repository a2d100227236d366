"""Orders in: each is checked, and durable before it is answered."""

from http import HTTPStatus

import uuid_utils
from fastapi import Request, Response

from functions.accept_order.accepted import Accepted, accepted
from functions.accept_order.body import read_body
from functions.accept_order.documentation import REQUEST, RESPONSES
from functions.accept_order.idempotency import Name, fingerprint, name_of
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.runtime import async_clients, clock
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.documentation import document_answers
from orderflow.runtime.http.order_input import read_json_order
from orderflow.runtime.http.problems import ProblemError
from orderflow.runtime.http.query import check_query
from orderflow.runtime.http.responses import json_response
from orderflow.runtime.http.route import DirectRoute

app = http_app("accept_order")
app.router.route_class = DirectRoute
document_answers(app, Accepted)


@app.post(
    "/api/orders/execute",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=REQUEST,
    responses=RESPONSES,
)
async def execute(request: Request) -> Response:
    """Accept an order. When this answers 202 the order is durable and on its way."""
    check_query(request)
    body = await read_body(request)
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
