"""The gateway and the pollers as processes of this machine: settings in, processes that can be started out."""

import os
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from local.run import parent_watchdog
from local.run.listeners import listen
from local.run.scraping import metrics_directory
from local.run.shared_secret import CONNECTIONS, shared_secret
from local.run.supervisor import PythonProcess
from local.servers.network_access import LOOPBACK, addresses_for_containers
from local.settings import CONNECTIONS_PORT, LocalSettings, auth_of
from orderflow.runtime import metrics


class Listeners(NamedTuple):
    """The sockets that the gateway serves: its clients', and those of its management API.

    The runner opens them, so that a taken port is known at once, and callers wait rather than be refused while the
    gateway is started again.
    """

    clients: list[socket.socket]
    publishers: list[socket.socket]

    @property
    def management_url(self) -> str:
        """Where this machine's programs reach the management API."""
        return f"http://{LOOPBACK}:{self.publishers[0].getsockname()[1]}"


def listen_for_publishers(settings: LocalSettings) -> list[socket.socket]:
    """Return the listeners of the gateway's management API: on the loopback, and where containers reach it."""
    if settings.invoke == "here":
        return [listen(LOOPBACK, settings.connections_port, "make run CONNECTIONS_PORT=0")]
    port = settings.connections_port or CONNECTIONS_PORT
    another = f"CONNECTIONS_PORT={port + 1} for make sam-run and make sam-lambda"
    return [listen(host, port, another) for host in addresses_for_containers()]


def environment_of(settings: LocalSettings, redis_url: str, database_url: str, listeners: Listeners) -> dict[str, str]:
    """Return the settings of the processes, and of the functions in them as the template gives them to Lambda."""
    return {
        "REDIS_URL": redis_url,
        "REDIS_CLUSTER": str(int(settings.redis_cluster)),
        "REDIS_MIN_REPLICAS": str(settings.redis_min_replicas),
        "DATABASE_URL": database_url,
        "PARTITIONS": str(settings.partitions),
        "SEED": str(settings.seed),
        "SPEED": str(settings.speed),
        "DROP_RATE": str(settings.drop_rate),
        "NETWORK_FAILURE_RATE": str(settings.network_failure_rate),
        "LAUNCH_EVERY_SLOTS": str(settings.launch_every_slots),
        "CLOCK": settings.clock,
        "MARKET_SCRIPT": settings.market_script and str(Path(settings.market_script).absolute()),
        "INVOKE": settings.invoke,
        "LAMBDA_ENDPOINT": settings.lambda_endpoint,
        "MAX_LAG": str(settings.max_lag),
        "MAX_IN_FLIGHT": str(settings.max_in_flight),
        "MAX_RESTING": str(settings.max_resting),
        "MAX_MEMORY": str(settings.max_memory),
        "MAX_QUOTES": str(settings.max_quotes),
        "MAX_READS": str(settings.max_reads),
        "MAX_CHANGES": str(settings.max_changes),
        "IDEMPOTENCY_HOURS": str(settings.idempotency_hours),
        "MAX_REQUESTS": str(settings.max_requests),
        "MAX_SOCKETS": str(settings.max_sockets),
        "MAX_CONNECTIONS": str(settings.max_connections),
        "MAX_CONNECTIONS_PER_ADDRESS": str(settings.max_connections_per_address),
        "AUTH": auth_of(settings),
        "ALLOWED_HOSTS": settings.allowed_hosts,
        "ALLOWED_ORIGINS": settings.allowed_origins,
        "DOCS": str(int(settings.docs)),
        "MAX_WATCHERS": str(settings.max_watchers),
        "TRACE_ORDERS": str(settings.trace_orders),
        metrics.DIRECTORY: str(metrics_directory(settings.home).absolute()),
        parent_watchdog.SETTING: parent_watchdog.STDIN,
        **_socket_settings(settings, listeners),
    }


def _socket_settings(settings: LocalSettings, listeners: Listeners) -> dict[str, str]:
    """Return where the functions send statuses, and the secret that the gateway asks of them.

    The secret is made at each start and stays the same while processes are started again. Functions in containers are
    not started by this run: they and the gateway find it in the home of `services`.
    """
    if settings.connections_secret:
        secret = settings.connections_secret
    elif settings.invoke == "lambda":
        secret = shared_secret(settings.home / "services" / CONNECTIONS)
    else:
        secret = secrets.token_urlsafe(32)
    return {
        "CONNECTIONS_ENDPOINT": listeners.management_url,
        "CONNECTIONS_API": "local",
        "CONNECTIONS_SECRET": secret,
    }


def gateway_process(listeners: Listeners, environment: dict[str, str]) -> PythonProcess:
    """Return the gateway with `environment`; it inherits its listening sockets."""
    clients, publishers = ([listener.fileno() for listener in some] for some in listeners)
    inherited = {
        "ORDERFLOW_LISTEN_FDS": ",".join(map(str, clients)),
        "ORDERFLOW_CONNECTIONS_FDS": ",".join(map(str, publishers)),
    }
    return PythonProcess("gateway", ["local.gateway"], environment | inherited, [*clients, *publishers])


def poller_process(name: str, settings: LocalSettings, environment: dict[str, str]) -> PythonProcess:
    """Return the poller `name` with `environment`."""
    if settings.poller_redis_url:
        environment = environment | {"REDIS_URL": settings.poller_redis_url.replace("{name}", name)}
    return PythonProcess(name, ["local.run.poller", f"{name}-{os.getpid()}"], environment)
