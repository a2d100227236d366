"""Runs the whole system on this machine: servers, gateway and pollers, started, supervised and stopped in order."""

import signal
import threading
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import redis

from local.errors import ServerError, StartError
from local.run.banner import what_to_try
from local.run.listeners import listen
from local.run.locks import lock_home
from local.run.processes import (
    Listeners,
    environment_of,
    gateway_process,
    listen_for_publishers,
    poller_process,
)
from local.run.running_system import STATE, System, write_state
from local.run.scraping import scrapable
from local.run.services import postgres_access, redis_access
from local.run.supervisor import STOP_TIMEOUT_S, PythonProcess, SupervisedProcess, SupervisedServer, say, supervise
from local.servers.postgres_server import start_postgres
from local.servers.redis_server import start_redis
from local.settings import ROOT, LocalSettings, auth_of
from local.template import read_template
from orderflow.adapters.keys import key
from orderflow.adapters.partition_count import hold_partition_count
from orderflow.errors import ConfigurationError
from orderflow.event_source.mapping import partitions_of
from orderflow.migrate import migrate
from orderflow.runtime.clients import open_redis
from orderflow.runtime.settings import read_settings
from orderflow.runtime.stopping import stop_on
from orderflow.venues import check_settings

READY_TIMEOUT_S = 30.0


def run(settings: LocalSettings) -> int:
    """Run the system until Ctrl-C or SIGTERM; return the exit status."""
    auth_of(settings)
    check_settings(settings.venue, read_settings)  # before anything is started that could not work with them
    stop = stop_on(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    started = time.monotonic()
    with ExitStack() as stack:
        beside = "make run PORT=3001 ORDERFLOW_HOME=/tmp/orderflow-2"
        stack.enter_context(lock_home(settings.home, settings.url, beside))
        listeners = Listeners(
            [stack.enter_context(listen(settings.host, settings.port, f"make run PORT={settings.port + 1}"))],
            [stack.enter_context(listener) for listener in listen_for_publishers(settings)],
        )
        processes = _start(settings, listeners, stack, stop)
        if stop.is_set():
            return 0
        stack.callback((settings.home / STATE).unlink, missing_ok=True)
        say(what_to_try(settings, time.monotonic() - started, listeners.management_url))
        supervise(processes, stop, lambda: write_state(settings.home, _state(settings, processes)))
        say("\nStopping: finishing what is under way …")
    return 0


def _start(
    settings: LocalSettings, listeners: Listeners, stack: ExitStack, stop: threading.Event
) -> list[SupervisedProcess]:
    """Start everything in order; `stack` stops it in the opposite order."""
    stack.callback(say, "Stopped. Nothing is lost; the next start goes on from here.")
    if settings.redis_cluster and not settings.redis_url:
        raise StartError("REDIS_CLUSTER=1 needs a REDIS_URL: the embedded Redis is no cluster.")
    redis, postgres = _servers(settings, stack)
    _keep_partition_count(redis.url, settings)
    say("Migrating the ledger …")
    if notice := migrate(postgres.url):
        say(notice)
    say(f"Starting the gateway and {settings.workers} pollers …")
    environment = environment_of(settings, redis.url, postgres.url, listeners)
    stack.enter_context(scrapable(settings.home, environment["CONNECTIONS_SECRET"]))
    gateway = gateway_process(listeners, environment)
    pollers = [poller_process(f"poller-{number}", settings, environment) for number in range(1, settings.workers + 1)]
    stack.callback(_stop_together, pollers)
    stack.callback(gateway.stop, STOP_TIMEOUT_S)
    for process in (*pollers, gateway):
        process.start()
    _wait_until_ready(settings, redis.url, [gateway, *pollers], stop)
    # The two servers come last: to start one again takes until it answers, and the others would wait for that.
    return [gateway, *pollers, redis, postgres]


def _servers(settings: LocalSettings, stack: ExitStack) -> list[SupervisedServer]:
    """Start the servers, or find those that are named; functions in containers share those of `services`."""
    redis_url, database_url = settings.redis_url, settings.database_url
    if settings.invoke == "lambda":
        redis_url = redis_url or redis_access(settings).redis_url
        database_url = database_url or postgres_access(settings).postgres_url
    home, maxmemory = settings.home, settings.redis_maxmemory
    servers = [
        SupervisedServer("redis", lambda: start_redis(home, redis_url or None, maxmemory=maxmemory)),
        SupervisedServer("postgres", lambda: start_postgres(home, database_url or None)),
    ]
    for server in servers:
        say(f"Starting {server.name} …")
        stack.callback(server.stop, STOP_TIMEOUT_S)
        try:
            server.start()
        except ServerError as error:
            if settings.invoke == "here":
                raise
            raise StartError(f"{error}\nFunctions in Lambda share servers with it: is `make services` up?") from error
    return servers


def _keep_partition_count(redis_url: str, settings: LocalSettings) -> None:
    """Raise StartError when this Redis was used with another number of partitions: its orders would be left behind."""
    try:
        with open_redis(redis_url, cluster=settings.redis_cluster) as client:
            hold_partition_count(client, settings.partitions)
    except ConfigurationError as error:
        raise StartError(f"{error}, or another ORDERFLOW_HOME (or REDIS_URL).") from error
    except redis.RedisError as error:
        raise StartError(f"Redis can't be asked for its number of partitions: {error}") from error


def _stop_together(processes: list[PythonProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.stop(STOP_TIMEOUT_S)


def _wait_until_ready(
    settings: LocalSettings, redis_url: str, processes: list[PythonProcess], stop: threading.Event
) -> None:
    """Return when the gateway answers and every partition's lease is held, or when `stop` is set."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    partitions = partitions_of(read_template(ROOT / "template.yaml").event_sources, settings.partitions)
    leases = [key(partition, "lease") for partition in partitions]
    with open_redis(redis_url, cluster=settings.redis_cluster) as client:
        while not (_answers(settings.url) and all(client.exists(lease) for lease in leases)):
            for process in processes:
                if (status := process.poll()) is not None:
                    raise StartError(f"{process.name} ended with status {status} while starting; see above")
            if time.monotonic() > deadline:
                raise StartError(f"not ready after {READY_TIMEOUT_S:.0f} s; see above")
            if stop.wait(0.02):
                return


def _answers(url: str) -> bool:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=1)
    with suppress(OSError, HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def _state(settings: LocalSettings, processes: list[SupervisedProcess]) -> System:
    urls = {process.name: process.url for process in processes if isinstance(process, SupervisedServer)}
    return System(
        url=settings.url,
        processes={process.name: process.pid for process in processes if process.pid},
        redis_url=urls["redis"],
        database_url=urls["postgres"],
        speed=settings.speed,
        partitions=settings.partitions,
    )
