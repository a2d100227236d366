"""An ASGI application served on a port of its own, by uvicorn with the local gateway's protocols."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import uvicorn
from starlette.types import ASGIApp

from local.gateway.connection_limits import ConnectionLimits
from local.gateway.http_protocol import HttpProtocol
from local.gateway.websocket_protocol import WebSocketProtocol
from orderflow.adapters.sockets import MAX_MESSAGE_BYTES

TIMEOUT_S = 20
Result = TypeVar("Result")


class Served:
    """A running server. Nothing of the application may be touched but through `in_loop`."""

    def __init__(self, app: ASGIApp, ping_s: float = 20.0, limits: ConnectionLimits | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=partial(HttpProtocol, limits=limits),  # type: ignore[arg-type]
            ws=WebSocketProtocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=ping_s,
            ws_ping_timeout=ping_s,
            lifespan="off",
            log_level="warning",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runs = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._runs.wait(TIMEOUT_S)

    def in_loop(self, work: Callable[[], Result]) -> Result:
        """Run `work` between two turns of the server's loop and return what it returns."""

        async def run() -> Result:
            return work()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(TIMEOUT_S)

    @property
    def connections(self) -> int:
        """How many connections are open, as the server sees it."""
        return self.in_loop(lambda: len(self._server.server_state.connections))

    @property
    def requests(self) -> int:
        """How many requests are being served."""
        return self.in_loop(lambda: len(self._server.server_state.tasks))

    @property
    def queued_requests(self) -> int:
        """How many requests were read that wait for the answers before theirs to be taken."""
        connections = self._server.server_state.connections
        return self.in_loop(lambda: sum(len(one.pipeline) for one in connections if isinstance(one, HttpProtocol)))

    @property
    def is_closing_all(self) -> bool:
        """Whether every connection is on its way to be closed."""
        connections = self._server.server_state.connections
        return self.in_loop(lambda: all(one.transport.is_closing() for one in connections))

    @property
    def unsent_bytes(self) -> int:
        """How much has been written that the kernel has no room for."""
        connections = self._server.server_state.connections
        return self.in_loop(lambda: sum(one.transport.get_write_buffer_size() for one in connections))

    def connect(self, receive_buffer_bytes: int | None = None) -> socket.socket:
        """Open a connection on which the test itself says what is written and read."""
        client = socket.socket()
        if receive_buffer_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.settimeout(TIMEOUT_S)
        host, _, port = self.address.partition(":")
        client.connect((host, int(port)))
        return client

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(TIMEOUT_S)
        self._listener.close()

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._runs.set()
            await self._server.serve([self._listener])

        with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
            runner.run(serve())


@contextmanager
def served(app: ASGIApp, ping_s: float = 20.0, limits: ConnectionLimits | None = None) -> Iterator[Served]:
    """Serve `app` while the block runs."""
    server = Served(app, ping_s, limits)
    try:
        yield server
    finally:
        server.stop()
