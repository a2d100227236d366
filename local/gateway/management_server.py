"""Serves the management API beside the gateway, in the same event loop, on a listener of its own."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

from local.gateway.connections import Connections
from local.gateway.http_protocol import ManagementProtocol
from local.gateway.management import management_app
from local.gateway.metrics import Scrape
from local.run.listeners import listen
from local.settings import LocalSettings
from orderflow.errors import ConfigurationError

MIN_SECRET_LENGTH = 32
"""Characters; a shorter CONNECTIONS_SECRET could be guessed."""


class ManagementServer(uvicorn.Server):
    """The management API's server. It leaves the signals to the gateway's."""

    def __init__(self, connections: Connections, secret: str, scrape: Scrape) -> None:
        config = uvicorn.Config(
            management_app(connections, secret, scrape),
            loop="uvloop",
            http=partial(ManagementProtocol, secret=secret),  # type: ignore[arg-type] # it is only called
            ws="none",
            lifespan="off",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def management_listeners(settings: LocalSettings) -> list[socket.socket]:
    """Return the listeners of the management API: those that the runner opened, or one at CONNECTIONS_HOST.

    There are none without a CONNECTIONS_SECRET. Raises ConfigurationError when that is too short.
    """
    if not settings.connections_secret:
        return []
    if len(settings.connections_secret) < MIN_SECRET_LENGTH:
        raise ConfigurationError(f"CONNECTIONS_SECRET can't be used: it has fewer than {MIN_SECRET_LENGTH} characters")
    if inherited := os.environ.get("ORDERFLOW_CONNECTIONS_FDS"):
        return [socket.socket(fileno=int(number)) for number in inherited.split(",")]
    port = settings.connections_port
    return [listen(settings.connections_host, port, f"CONNECTIONS_PORT={port + 1}")]


def run_both(
    gateway: uvicorn.Server,
    listeners: list[socket.socket] | None,
    management: uvicorn.Server,
    management_listeners: list[socket.socket],
) -> None:
    """Serve the clients until a signal, and the management API for as long."""

    async def serve() -> None:
        beside = asyncio.create_task(management.serve(management_listeners))
        try:
            await gateway.serve(listeners)
        finally:
            management.should_exit = True
            await beside

    with asyncio.Runner(loop_factory=gateway.config.get_loop_factory()) as runner:
        runner.run(serve())
