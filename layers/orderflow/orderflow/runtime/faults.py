"""Answers the errors that an ASGI application did not expect, and logs one line for them, so that no server has to."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from orderflow.runtime.refusals import Refusals

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_FRAMES = 8
INTERNAL_ERROR = 1011
"""The code that a WebSocket is closed with."""


class Answer(NamedTuple):
    """What is answered in place of an application that failed."""

    status: int
    headers: dict[str, str]
    body: bytes


class Faults:
    """An application in which every unexpected error is answered with `failed`, and a cancelled request with `stopped`.

    Each kind of error is logged once a second at most, with its count, in place of a traceback each. It has to be the
    outermost application: a server's own answer is plain text, and its line a traceback for every request.
    """

    def __init__(self, app: Application, service: str, failed: Answer, stopped: Answer) -> None:
        self._app = app
        self._failed = failed
        self._stopped = stopped
        self._lines = Refusals(service, "fault", errors=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a socket."""
        started = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the one place behind which nobody else would catch it
            # The path is the client's and may be long.
            where = f"{scope.get('method', scope['type'])} {scope.get('path', '')[:200]}"
            self._lines.note(type(error).__name__, f"{where}: {error}; {_way_to(error)}")
            await _answer(scope, send, self._failed, started)
        except asyncio.CancelledError:
            # The server stops and has waited long enough: the request is answered, and ends.
            await _answer(scope, send, self._stopped, started)


async def _answer(scope: Scope, send: Send, answer: Answer, started: bool) -> None:
    """Send `answer` if nothing was sent before; close a socket in any case."""
    with suppress(Exception):  # the client may be gone, or the socket closed already
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": INTERNAL_ERROR})
        elif not started:
            length = {"content-length": str(len(answer.body))}
            headers = [(name.encode(), value.encode()) for name, value in (answer.headers | length).items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})


def _way_to(error: BaseException) -> str:
    """Return the innermost calls that led to `error`, the last one first, in one line."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
