"""Orders in: each is checked, and durable before it is answered."""

import time
from http import HTTPStatus

from fastapi import Request, Response

from functions.accept_order import documentation
from functions.accept_order.accepted import Accepted
from functions.accept_order.batch import BatchAnswer, BatchResult, accept_each, read_batch
from functions.accept_order.charges import charge_of, units_of
from functions.accept_order.idempotency import key_of, name_of
from functions.accept_order.placement import place, read
from orderflow.runtime import async_clients, order_traces
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.body import read_body
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import document_answers, document_bodies
from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.launched_tokens import find_launched
from orderflow.runtime.http.limits import spend
from orderflow.runtime.http.order_models import MODELS
from orderflow.runtime.http.problems import RETRY_AFTER, ProblemError, problem_of
from orderflow.runtime.http.query import check_query
from orderflow.runtime.http.responses import json_response
from orderflow.runtime.http.route import DirectRoute

app = http_app("accept_order", {"POST": "trade", "GET": "read"}, charge_of)
app.router.route_class = DirectRoute
document_answers(app, Accepted, BatchAnswer)
document_bodies(app, MODELS)


@app.post(
    "/api/orders/execute",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=documentation.REQUEST,
    responses=documentation.RESPONSES,
)
async def execute(request: Request) -> Response:
    """Accept an order. When this answers 202 the order is durable and on its way."""
    started_ns = time.time_ns()
    check_query(request)
    fields = read_json_object(await read_body(request))
    key, account, intake = key_of(request.headers), caller(request).account, async_clients.intake()
    await spend(request, units_of([fields], key))
    launched = await find_launched([fields], account)
    wanted = read(fields, key, launched)
    name = name_of(key, wanted.client_order_id, account)
    placement = place(wanted, name, intake.partitions, launched, account)
    answer = placement.answer(await intake.create(placement.new))
    if isinstance(answer, ProblemError):
        raise answer
    if order_traces.share():
        order_traces.trace_request("accept_order", [answer.order_id], started_ns)
    return json_response(answer, 202, {"location": f"/api/orders/{answer.order_id}"})


@app.post(
    "/api/orders/batch",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=documentation.BATCH_REQUEST,
    responses=documentation.BATCH_RESPONSES,
)
async def execute_batch(request: Request) -> Response:
    """Accept up to 100 orders, each by itself: one that is refused stops no other.

    The results stand in the order of the orders. When this answers 202 all of them are durable and on their way.
    """
    started_ns = time.time_ns()
    check_query(request)
    items, key = read_batch(await read_body(request)), key_of(request.headers)
    await spend(request, units_of(items, key))
    answers = await accept_each(items, key, caller(request).account)
    if order_traces.share():
        accepted = [answer.order_id for answer in answers if isinstance(answer, Accepted)]
        order_traces.trace_request("accept_order", accepted, started_ns)
    results = [await _result(request, answer) for answer in answers]
    problems = [result.problem for result in results if result.problem]
    later = any(problem.status == HTTPStatus.SERVICE_UNAVAILABLE for problem in problems)
    status = HTTPStatus.MULTI_STATUS if problems else HTTPStatus.ACCEPTED
    return json_response(BatchAnswer(results), status, RETRY_AFTER if later else None)


async def _result(request: Request, answer: Accepted | Exception) -> BatchResult:
    if isinstance(answer, Accepted):
        return BatchResult(order=answer)
    return BatchResult(problem=await problem_of(request, answer))


@app.get("/api/orders/execute", status_code=HTTPStatus.UPGRADE_REQUIRED)
@app.get("/api/orders/status", status_code=HTTPStatus.UPGRADE_REQUIRED)
async def upgrade_required(request: Request) -> Response:
    """Say that this path is a WebSocket's."""
    raise ProblemError(
        HTTPStatus.UPGRADE_REQUIRED, f"{request.scope['path']} is a WebSocket: connect, then send an order id"
    )
