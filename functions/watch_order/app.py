"""The WebSocket API: a client's frames in, subscriptions on the status stream out."""

from typing import Any
from uuid import UUID

import msgspec
import redis
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from orderflow.adapters.codec import encoder
from orderflow.adapters.public import public_json
from orderflow.adapters.sockets import Message
from orderflow.adapters.subscriptions import Subscription
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.faults import Answer, Faults
from orderflow.runtime.refusals import Refusals

USAGE = 'send an order id, or {"action": "subscribe" | "unsubscribe" | "ping", "order_id": …}'

app = FastAPI(title="Orderflow's WebSocket routes", openapi_url=None)
_JSON = {"content-type": "application/json"}
app.add_middleware(
    Faults,
    service="watch_order",
    failed=Answer(500, _JSON, encoder.encode({"error": "something went wrong here; the log says what"})),
    stopped=Answer(503, _JSON, encoder.encode({"error": "the service stops; connect again"})),
)
_refusals = Refusals("watch_order")


class Command(msgspec.Struct, frozen=True):
    """What a frame asks for."""

    action: str
    order_id: str = ""


async def accept(_request: Request) -> Response:
    """Let anyone come and go: a connection means nothing before it asks for an order."""
    return Response()


async def take_frame(request: Request) -> Response:
    """Do what a frame asks for; a body in the response is sent to the client."""
    connection_id = str(request.scope["aws.event"]["requestContext"]["connectionId"])
    command = read_command((await request.body()).decode())
    match command:
        case str(problem):
            return _frame({"error": problem})
        case Command("ping"):
            return _frame({"action": "pong"})
    try:
        order_id = str(UUID(command.order_id))
    except ValueError:
        return _unknown(command.order_id)
    try:
        return await _subscribe(Subscription(order_id, connection_id, command.action))
    except (RetryableError, ConfigurationError, redis.RedisError, OSError) as error:
        _refusals.note("unavailable", f"subscription to {order_id}: {error}")
        return _frame({"order_id": order_id, "error": "unavailable right now; send it again"})


def read_command(text: str) -> Command | str:
    """Return what a frame asks for, or the problem with it in words."""
    text = text.strip()
    if not text.startswith(("{", "[", '"')):
        return Command("subscribe", text) if text else USAGE
    try:
        command = msgspec.json.decode(text, type=Command)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"{error}; {USAGE}"
    if command.action not in ("subscribe", "unsubscribe", "ping"):
        return f"unknown action {command.action[:32]!r}; {USAGE}"
    return command


# Plain routes: there is nothing here for FastAPI to validate or document, and every frame would pay for it.
app.add_route("/$connect", accept, methods=["POST"])
app.add_route("/$disconnect", accept, methods=["POST"])
app.add_route("/$default", take_frame, methods=["POST"])


async def _subscribe(asked: Subscription) -> Response:
    """Queue a subscription; where the order has left Redis, answer from the ledger."""
    in_redis = await async_clients.subscriptions().add(asked)
    if asked.action == "unsubscribe":
        return _frame({"order_id": asked.order_id, "unsubscribed": True})
    if in_redis or await run_in_threadpool(_tell_from_ledger, asked):
        return Response()
    return _unknown(asked.order_id)


def _tell_from_ledger(asked: Subscription) -> bool:
    """Send an order's whole history to the connection; False when the ledger does not know the order."""
    events = clients.ledger().history(asked.order_id)
    messages = [Message(asked.connection_id, asked.order_id, public_json(event).decode()) for event in events]
    if messages:
        clients.sockets().send(messages)
    return bool(messages)


def _unknown(order_id: str) -> Response:
    return _frame({"order_id": order_id[:64], "error": "unknown order"})


def _frame(document: dict[str, Any]) -> Response:
    return Response(encoder.encode(document), media_type="application/json")
