"""Orders changed: cancelled or amended, durably before it is answered."""

import time
from collections.abc import Collection, Mapping
from http import HTTPStatus

from fastapi import Request, Response

from functions.change_orders import documentation
from functions.change_orders.amending import amend
from functions.change_orders.amendment import read_amendment
from functions.change_orders.cancelling import Answer, cancel
from functions.change_orders.charges import charge_of
from functions.change_orders.documents import CancelAnswer, Cancelled, CancelResult
from functions.change_orders.order_list import read_order_list
from orderflow.runtime import order_traces
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.body import read_body
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import document_answers
from orderflow.runtime.http.limits import spend
from orderflow.runtime.http.order_id import not_found, read_order_id
from orderflow.runtime.http.order_view import OrderSummary, summary_of
from orderflow.runtime.http.problems import RETRY_AFTER, invalid, problem_of
from orderflow.runtime.http.query import KNOWN_QUERY
from orderflow.runtime.http.responses import json_response

app = http_app("change_orders", {"DELETE": "trade", "POST": "trade", "PATCH": "trade"}, charge_of)
document_answers(app, Cancelled, CancelAnswer, OrderSummary)


@app.delete("/api/orders/{order_id}", dependencies=KNOWN_QUERY, responses=documentation.CANCEL_RESPONSES)
async def cancel_order(request: Request, order_id: str) -> Response:
    """Cancel an order of any type. When this answers 200 that is durable, and nothing more of the order is executed.

    It may be repeated: the answer is the same. Once its transaction is out only the chain can say what becomes of it,
    and this answers 202: the order is cancelled if the transaction is refused.
    """
    known_as, started_ns = _id_of(order_id), time.time_ns()
    answer = (await cancel([known_as], caller(request).account))[known_as]
    if isinstance(answer, Exception):
        raise answer
    _trace([known_as], started_ns)
    return json_response(answer, HTTPStatus.ACCEPTED if answer.cancel else HTTPStatus.OK)


@app.post(
    "/api/orders/cancel",
    dependencies=KNOWN_QUERY,
    openapi_extra=documentation.CANCEL_REQUEST,
    responses=documentation.CANCEL_EACH_RESPONSES,
)
async def cancel_orders(request: Request) -> Response:
    """Cancel up to 100 orders, each by itself, as its own DELETE would. It may be repeated.

    The results stand in the order of the ids.
    """
    started_ns = time.time_ns()
    named = read_order_list(await read_body(request))
    await spend(request, {"changes": len(named)})
    ids = [read_order_id(each) if isinstance(each, str) else None for each in named]
    answers = await cancel([each for each in dict.fromkeys(ids) if each is not None], caller(request).account)
    _trace([order_id for order_id, answer in answers.items() if not isinstance(answer, Exception)], started_ns)
    results = [await _result(request, each, order_id, answers) for each, order_id in zip(named, ids, strict=True)]
    problems = [result.problem for result in results if result.problem]
    later = any(problem.status == HTTPStatus.SERVICE_UNAVAILABLE for problem in problems)
    status = HTTPStatus.MULTI_STATUS if problems else HTTPStatus.OK
    return json_response(CancelAnswer(results), status, RETRY_AFTER if later else None)


@app.patch(
    "/api/orders/{order_id}",
    dependencies=KNOWN_QUERY,
    openapi_extra=documentation.AMEND_REQUEST,
    responses=documentation.AMEND_RESPONSES,
)
async def amend_order(request: Request, order_id: str) -> Response:
    """Amend an order that is open or partially filled, in one step, with what is given; all else stays as it is.

    It keeps its id and its place before later orders of the same price. An amount that is filled already cancels the
    rest. When this answers 200 the order is durably as the answer says.
    """
    known_as, started_ns = _id_of(order_id), time.time_ns()
    amendment = read_amendment(await read_body(request))
    amended = await amend(known_as, caller(request).account, amendment)
    _trace([known_as], started_ns)
    return json_response(summary_of(amended))


def _trace(order_ids: Collection[str], started_ns: int) -> None:
    if order_traces.share():
        order_traces.trace_request("change_orders", order_ids, started_ns)


async def _result(request: Request, named: object, order_id: str | None, answers: Mapping[str, Answer]) -> CancelResult:
    answer: object
    if not isinstance(named, str):
        answer = invalid("order_id", "must be the id of an order")
    else:
        answer = not_found(named) if order_id is None else answers[order_id]
    if isinstance(answer, Exception):
        return CancelResult(problem=await problem_of(request, answer))
    return CancelResult(order=answer)


def _id_of(text: str) -> str:
    order_id = read_order_id(text)
    if order_id is None:
        raise not_found(text)
    return order_id
