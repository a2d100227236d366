"""Part of the errors suite: frames that no client should send, and another client whose socket must go on."""

import asyncio
import uuid

from local.client.status_socket import SocketClosedError, StatusSocket
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Trial, drain, market_order

PONG = {"action": "pong"}
QUIET_S = 0.2
GARBAGE = (
    ("a word", "hello"),
    ("an empty frame", ""),
    ("JSON that breaks off", "{"),
    ("an array", "[]"),
    ("an unknown action", '{"action":"dance"}'),
    ("a subscription without an order", '{"action":"subscribe"}'),
    ("a subscription to a number", '{"action":"subscribe","order_id":7}'),
    ("a control character", "\x00"),
    ("a frame of 30 KB", "x" * 30_000),
)


async def check_sockets(trial: Trial) -> None:
    """Send every bad frame, while a bystander watches an order on a socket of its own."""
    trial.narrator.step("a bystander opens a socket; others send rubbish on theirs")
    async with trial.socket() as bystander:
        await _unknown_order(trial)
        await _garbage(trial)
        await _closed_for(trial, "a binary frame", b"\x00\x01\x02", 1003)
        await _closed_for(trial, "a frame of 1 MB", "x" * 1_000_000, 1009)
        trial.narrator.step("the bystander, after all of it")
        placed, frames = await trial.confirm(bystander, market_order())
        trial.check_history("the bystander sees every status", placed, frames)
        left_over = [frame.content for frame in await drain(bystander, QUIET_S)]
        trial.check("and nothing that is meant for others", [], left_over)


async def _unknown_order(trial: Trial) -> None:
    trial.narrator.step("an order that does not exist")
    async with trial.socket() as socket:
        unknown = str(uuid.uuid4())
        await trial.subscribe(socket, unknown)
        frame = await socket.receive(LAST_STATUS_TIMEOUT_S)
        expected = {"order_id": unknown, "error": "unknown order"}
        trial.check("an unknown order is answered", expected, frame.content)
        await _check_open(trial, socket, "an unknown order")
        placed, frames = await trial.confirm(socket, market_order())
        trial.check_history("the same socket then watches a real one", placed, frames)
        await socket.unsubscribe(placed.order_id)
        trial.narrator.sent(f'{{"action":"unsubscribe","order_id":"{placed.order_id}"}}')
        frame = await socket.receive(LAST_STATUS_TIMEOUT_S)
        trial.check("it can unsubscribe", {"order_id": placed.order_id, "unsubscribed": True}, frame.content)


async def _garbage(trial: Trial) -> None:
    trial.narrator.step("frames that mean nothing")
    async with trial.socket() as socket:
        for name, text in GARBAGE:
            trial.narrator.sent(repr(text))
            await socket.send_text(text)
            frame = await socket.receive(LAST_STATUS_TIMEOUT_S)
            trial.check(f"{name} is answered with an error", "an error", frame.content, "error" in frame.content)
        await _check_open(trial, socket, "all that")


async def _check_open(trial: Trial, socket: StatusSocket, after: str) -> None:
    await socket.ping()
    trial.narrator.sent('{"action":"ping"}')
    frame = await socket.receive(LAST_STATUS_TIMEOUT_S)
    trial.check(f"the socket is still open after {after}", PONG, frame.content)


async def _closed_for(trial: Trial, name: str, content: bytes | str, code: int) -> None:
    trial.narrator.step(f"{name}: refused, at the cost of the sender's own socket only")
    async with trial.socket() as socket:
        trial.narrator.sent(f"{name} ({len(content):,} bytes)")
        try:
            if isinstance(content, bytes):
                await socket.send_bytes(content)
            else:
                await socket.send_text(content)
            async with asyncio.timeout(LAST_STATUS_TIMEOUT_S):
                got = f"answered with {(await socket.receive(LAST_STATUS_TIMEOUT_S)).content}"
        except SocketClosedError as e:
            got = f"closed with {e.code}"
        except TimeoutError:
            got = "nothing"
        trial.check(f"{name} closes the sender's socket", f"closed with {code}", got)
