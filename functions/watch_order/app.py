"""The WebSocket API: a client's frames in, subscriptions on the status stream out."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
import redis
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from orderflow.adapters.codec import encoder
from orderflow.adapters.intake import Subscription
from orderflow.adapters.sockets import Message
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.logging import get_logger

USAGE = 'send an order id, or {"action": "subscribe" | "unsubscribe" | "ping", "order_id": …}'

app = FastAPI(title="Orderflow's WebSocket routes", openapi_url=None)


class Command(msgspec.Struct, frozen=True):
    """What a frame asks for."""

    action: str
    order_id: str = ""


def _connection_id(request: Request) -> str:
    return str(request.scope["aws.event"]["requestContext"]["connectionId"])


ConnectionId = Annotated[str, Depends(_connection_id)]


@app.post("/$connect")
@app.post("/$disconnect")
async def accept() -> Response:
    """Let anyone come and go: a connection means nothing before it asks for an order."""
    return Response()


@app.post("/$default")
async def take_frame(request: Request, connection_id: ConnectionId) -> Response:
    """Do what a frame asks for; a body in the response is sent to the client."""
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
    except (RetryableError, redis.RedisError, OSError) as error:
        get_logger("watch_order").warning("unavailable", extra={"order_id": order_id, "error": str(error)})
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


async def _subscribe(asked: Subscription) -> Response:
    """Queue a subscription; where the order has left Redis, answer from the ledger."""
    in_redis = await async_clients.intake().subscribe(asked)
    if asked.action == "unsubscribe":
        return _frame({"order_id": asked.order_id, "unsubscribed": True})
    if in_redis or await run_in_threadpool(_tell_from_ledger, asked):
        return Response()
    return _unknown(asked.order_id)


def _tell_from_ledger(asked: Subscription) -> bool:
    """Send an order's whole history to the connection; False when the ledger does not know the order."""
    events = clients.ledger().history(asked.order_id)
    messages = [Message(asked.connection_id, asked.order_id, encoder.encode(event).decode()) for event in events]
    if messages:
        clients.sockets().send(messages)
    return bool(messages)


def _unknown(order_id: str) -> Response:
    return _frame({"order_id": order_id[:64], "error": "unknown order"})


def _frame(document: dict[str, Any]) -> Response:
    return Response(encoder.encode(document), media_type="application/json")
