"""Runs the local gateway: `python -m local.gateway`, on HOST and PORT or on listening sockets that it inherits."""

import gc
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from functools import partial

import uvicorn

from functions.authorize_request import authorizer
from local.gateway.app import gateway_app
from local.gateway.connection_limits import RESERVED_FILES, ConnectionLimits, limits_within
from local.gateway.connections import Connections
from local.gateway.hosts import Hosts
from local.gateway.http_protocol import HttpProtocol
from local.gateway.library_logs import handle_library_logs
from local.gateway.management_server import ManagementServer, management_listeners, run_both
from local.gateway.measured import RequestTimes
from local.gateway.metrics import scrape_of
from local.gateway.time_outs import PING_INTERVAL_S, PING_TIMEOUT_S
from local.gateway.websocket_protocol import WebSocketProtocol
from local.run.listeners import BACKLOG, listen, server_name
from local.run.parent_watchdog import end_with_parent
from local.settings import LocalSettings, auth_of, names_in, read_local_settings
from orderflow.adapters.sockets import MAX_MESSAGE_BYTES
from orderflow.errors import OrderflowError
from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import record_in
from orderflow.runtime.stopping import end_when_a_thread_fails
from orderflow.runtime.terminal import print_whatever_the_locale

SWITCH_S = 0.0005
"""How long a thread that computes may hold the interpreter while the loop wants it."""
MANY_FILES = 65_536


def main() -> None:
    """Serve until SIGTERM."""
    print_whatever_the_locale()
    # A quote computes in a thread, and the loop that takes orders must not wait 5 ms for it each time.
    sys.setswitchinterval(SWITCH_S)
    end_when_a_thread_fails("gateway")
    end_with_parent()
    settings = read_local_settings()
    # The functions read it too, and have another default.
    os.environ["PARTITIONS"] = str(settings.partitions)
    files = allow_many_files()
    if files < settings.connections + RESERVED_FILES:
        get_logger("gateway").warning("few files", extra={"open_files": files, "max_sockets": settings.max_sockets})
    limits = limits_within(files, settings.connections, settings.max_connections_per_address)
    inherited = os.environ.get("ORDERFLOW_LISTEN_FDS")
    # Not through uvicorn's own `fd`: it takes the socket for a Unix one and leaves Nagle's algorithm on, 40 ms a frame.
    if inherited:
        sockets = [socket.socket(fileno=int(number)) for number in inherited.split(",")]
    else:
        sockets = [listen(settings.host, settings.port, f"PORT={settings.port + 1}")]
    connections, times = Connections(), RequestTimes()
    config = uvicorn.Config(
        gateway_app(
            settings.max_requests,
            settings.max_sockets,
            connections,
            _hosts(settings),
            authorizer=authorizer if auth_of(settings) == "keys" else None,
            market_by_hand=settings.clock == "manual",
            times=times,
        ),
        loop="uvloop",
        # uvicorn only calls it.
        http=partial(HttpProtocol, limits=ConnectionLimits(*limits)),  # type: ignore[arg-type]
        ws=WebSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_TIMEOUT_S,
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        headers=[("server", server_name(settings.started_by))],
        backlog=BACKLOG,
        # Longer than an order takes: a client that posts again on its connection should not find it just closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    recorder = PrometheusRecorder("gateway")
    record_in(recorder)
    scrape = scrape_of(recorder, connections, times, settings)
    management = ManagementServer(connections, settings.connections_secret, scrape)
    handle_library_logs()
    # What is imported stays: no collection needs to look through it, which made requests wait.
    gc.collect()
    gc.freeze()
    run_both(uvicorn.Server(config), sockets, management, management_listeners(settings))


def _hosts(settings: LocalSettings) -> Hosts:
    return Hosts(settings.host, names_in(settings.allowed_hosts), names_in(settings.allowed_origins))


def allow_many_files() -> int:
    """Raise the number of files that this process may have open to what is allowed at most, and return it.

    Each connection is one; those that come when there are no more left are closed at once.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS calls its limit infinite, but does not take that for an answer.
    wanted = max(soft, MANY_FILES) if hard == resource.RLIM_INFINITY else hard
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


if __name__ == "__main__":
    try:
        main()
    except OrderflowError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        # The server has ended in order by then, and raises what made it end.
        sys.exit(128 + signal.SIGINT)
