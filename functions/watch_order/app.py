"""The WebSocket API: a client's frames in, subscriptions on the status stream out."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from functions.watch_order.account_limit import UNAVAILABLE, count_in, count_out
from functions.watch_order.frames import Command, read_command, read_order_id
from orderflow.adapters.channels import ChannelRequest
from orderflow.adapters.codec import encoder
from orderflow.adapters.public import public_json
from orderflow.adapters.reports import CHANNELS as REPORTS
from orderflow.adapters.reports import ENGINE, MAX_FOLLOWERS
from orderflow.adapters.sockets import Message
from orderflow.adapters.subscriptions import MAX_SUBSCRIPTIONS, Added, Outcome, Subscription
from orderflow.domain.access import Caller
from orderflow.runtime import async_clients, clients
from orderflow.runtime.access import caller_of
from orderflow.runtime.faults import Answer, Faults
from orderflow.runtime.http.problems import problem
from orderflow.runtime.refusals import Refusals

app = FastAPI(title="Orderflow's WebSocket routes", openapi_url=None)
_JSON = {"content-type": "application/json"}
app.add_middleware(
    Faults,
    service="watch_order",
    failed=Answer(500, _JSON, encoder.encode({"error": "something went wrong here; the log says what"})),
    stopped=Answer(503, _JSON, encoder.encode({"error": "the service stops; connect again"})),
)
_refusals = Refusals("watch_order")
_TOO_MANY = {"error": "too many subscriptions", "limit": MAX_SUBSCRIPTIONS}
_TOO_MANY_FOLLOW = {"error": "too many followers", "limit": MAX_FOLLOWERS}


async def accept(request: Request) -> Response:
    """Let a connection open whose account has room for it: it means nothing before it asks for an order."""
    caller = _caller(request)
    if await count_in(caller, _connection_id(request)):
        return Response()
    detail = f"the account {caller.account} has as many sockets open as it may have; close one"
    return problem(HTTPStatus.TOO_MANY_REQUESTS, detail, limit="sockets")


async def leave(request: Request) -> Response:
    """End the subscriptions of a connection that is closed, which is one of its account's no longer.

    What can't be ended now ends with the next event, whose message the connection does not take.
    """
    connection_id = _connection_id(request)
    try:
        await asyncio.gather(
            async_clients.subscriptions().leave(connection_id), async_clients.followers().leave(connection_id)
        )
        await count_out(_caller(request), connection_id)
    except UNAVAILABLE as error:
        _refusals.note("unavailable", f"a connection's end: {error}")
    return Response()


async def take_frame(request: Request) -> Response:
    """Do what a frame asks for; a body in the response is sent to the client."""
    caller = _caller(request)
    command = read_command((await request.body()).decode())
    match command:
        case str(problem):
            return _frame({"error": problem})
        case Command("ping"):
            return _frame({"action": "pong"})
    if refusal := _refusal(caller, command):
        return _frame(refusal)
    named = command.order_id or ""
    order_id = None if command.channel else read_order_id(named)
    if not command.channel and order_id is None:
        return _unknown(named)
    subject = {"channel": command.channel} if order_id is None else {"order_id": order_id}
    try:
        if order_id is None:
            return _answer(command, subject, await _ask_for_channel(caller, command, _connection_id(request)))
        asked = Subscription(order_id, _connection_id(request), command.action, caller.account)
        added = await async_clients.subscriptions().add(asked)
        if added.outcome is Outcome.NOT_HERE and command.action == "subscribe":
            return await _answer_from_ledger(asked)
        return _answer(command, subject, added)
    except UNAVAILABLE as error:
        _refusals.note("unavailable", f"subscription to {order_id or command.channel}: {error}")
        return _frame(subject | {"error": "unavailable right now; send it again"})


# Plain routes: there is nothing here for FastAPI to validate or document, and every frame would pay for it.
app.add_route("/$connect", accept, methods=["POST"])
app.add_route("/$disconnect", leave, methods=["POST"])
app.add_route("/$default", take_frame, methods=["POST"])


def _refusal(caller: Caller, command: Command) -> dict[str, Any] | None:
    """Return why a caller may not do what a frame asks for; None when it may."""
    if command.channel == ENGINE:
        refusal = {"channel": ENGINE, "error": "this key may not see the engine"}
        return None if caller.may("admin") else refusal
    return None if caller.may("read") else {"error": "this key may not read"}


async def _ask_for_channel(caller: Caller, command: Command, connection_id: str) -> Added:
    """Queue a subscription to a channel, or its end: of the account that the socket is of, or to reports."""
    channel, action = command.channel, command.action
    if channel in REPORTS:
        return await async_clients.followers().add(channel, connection_id, action)
    asked = ChannelRequest(channel, caller.account, connection_id, action, command.resume)
    return await async_clients.channels().add(asked)


def _answer(command: Command, subject: dict[str, str], added: Added) -> Response:
    """Answer what was asked for of an order or a channel; a subscription that was queued is answered later."""
    if command.action == "unsubscribe":
        return _frame(subject | {"unsubscribed": True})
    match added:
        case Added(Outcome.TOO_MANY):
            return _frame(subject | (_TOO_MANY_FOLLOW if command.channel in REPORTS else _TOO_MANY))
        case Added(Outcome.AGAIN, retry_after_ms):
            limit = f"one answer a second and {next(iter(subject)).removesuffix('_id')}"
            return _frame(subject | {"error": "too many requests", "limit": limit, "retry_after_ms": retry_after_ms})
    return Response()


async def _answer_from_ledger(asked: Subscription) -> Response:
    """Answer for an order that has left Redis."""
    if not await run_in_threadpool(_send_from_ledger, asked):
        return _unknown(asked.order_id)
    await async_clients.subscriptions().answered(asked)
    return Response()


def _send_from_ledger(asked: Subscription) -> bool:
    """Send an order's whole history to the connection; False when the ledger has no such order of its account's."""
    events = clients.ledger().history(asked.order_id, asked.account)
    messages = [Message(asked.connection_id, asked.order_id, public_json(event).decode()) for event in events]
    if messages:
        clients.sockets().send(messages)
    return bool(messages)


def _caller(request: Request) -> Caller:
    return caller_of(request.scope["aws.event"])


def _connection_id(request: Request) -> str:
    return str(request.scope["aws.event"]["requestContext"]["connectionId"])


def _unknown(order_id: str) -> Response:
    return _frame({"order_id": order_id[:64], "error": "unknown order"})


def _frame(document: dict[str, Any]) -> Response:
    return Response(encoder.encode(document), media_type="application/json")
