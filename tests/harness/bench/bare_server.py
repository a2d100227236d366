"""The gateway's server with an application that does nothing: what HTTP and WebSocket cost at least.

`python -m tests.harness.bench.bare_server PORT` answers each POST at once, and each text of a socket with the five
statuses of an order.
"""

import gc
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import orjson
import uvicorn

from local.gateway.connection_limits import ConnectionLimits
from local.gateway.http_protocol import HttpProtocol
from local.gateway.websocket_protocol import WebSocketProtocol
from orderflow.domain.lifecycle import COURSE
from tests.support.ports import HOST

Message = MutableMapping[str, Any]
MANY = 10_000
ANSWER = orjson.dumps({"order_id": "0" * 36, "status": "pending", "sequence": 1, "created_at": "0" * 24})
FILLER = "0" * 100
"""A status without a route is about so much longer than its order, its name and its number."""


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer a request, or what a socket sends until it closes."""
    if scope["type"] == "http":
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        for sequence, status in enumerate(COURSE, start=1):
            frame = {"order_id": message["text"], "status": status, "sequence": sequence, "tx_hash": FILLER}
            await send({"type": "websocket.send", "text": orjson.dumps(frame).decode()})


def main(port: int) -> None:
    """Serve until SIGTERM."""
    config = uvicorn.Config(
        application,
        host=HOST,
        port=port,
        loop="uvloop",
        # uvicorn only calls it.
        http=partial(HttpProtocol, limits=ConnectionLimits(MANY, MANY)),  # type: ignore[arg-type]
        ws=WebSocketProtocol,
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_level="warning",
    )
    gc.freeze()
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
