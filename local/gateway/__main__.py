"""Runs the local gateway: `python -m local.gateway`, on HOST and PORT or on a listening socket that it inherits."""

import os
import socket

import uvicorn

from local.gateway.app import gateway_app
from local.gateway.management import MAX_MESSAGE_BYTES
from local.lifeline import end_with_parent
from local.settings import read_local_settings

BACKLOG = 2048


def main() -> None:
    """Serve until SIGTERM."""
    end_with_parent()
    settings = read_local_settings()
    inherited = os.environ.get("ORDERFLOW_LISTEN_FD")
    # Not through uvicorn's own `fd`: it takes the socket for a Unix one and leaves Nagle's algorithm on, 40 ms a frame.
    sockets = [socket.socket(fileno=int(inherited))] if inherited else None
    config = uvicorn.Config(
        gateway_app(),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
        # Longer than an order takes: a client that posts again on its connection should not find it just closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets)


if __name__ == "__main__":
    main()
