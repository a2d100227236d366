"""Runs the whole system on this machine: servers, gateway and pollers, started, watched and stopped in order."""

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import msgspec

from local.backing import start_postgres, start_redis
from local.banner import what_to_try
from local.children import BackingChild, Child, PythonChild, Watch
from local.migrate import migrate
from local.settings import LocalSettings
from orderflow.adapters.keys import CHAIN, key
from orderflow.errors import OrderflowError
from orderflow.runtime.clients import open_redis

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 3.0
WATCH_S = 0.1
PARTITIONS_KEY = "orderflow:partitions"


class StartError(OrderflowError):
    """The system can't be started; the message says why and what to do."""


def run(settings: LocalSettings) -> int:
    """Run the system until Ctrl-C or SIGTERM; return the exit status."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_lock(settings))
        listener = stack.enter_context(_listen(settings))
        children = _start(settings, listener, stack, stop)
        if stop.is_set():
            return 0
        state = settings.home / "state.json"
        stack.callback(state.unlink, missing_ok=True)
        _say(what_to_try(settings, time.monotonic() - started))
        watch = Watch(children)
        while True:
            _write_state(state, settings, children)
            while not (news := watch.check()):
                if stop.wait(WATCH_S):
                    _say("\nStopping: finishing what is under way …")
                    return 0
            for line in news:
                _say(f"orderflow: {line}")


def _start(settings: LocalSettings, listener: socket.socket, stack: ExitStack, stop: threading.Event) -> list[Child]:
    """Start everything in order; `stack` stops it in the opposite order."""
    stack.callback(_say, "Stopped. Nothing is lost; the next start goes on from here.")
    redis = BackingChild("redis", lambda: start_redis(settings.home, settings.redis_url or None))
    postgres = BackingChild("postgres", lambda: start_postgres(settings.home, settings.database_url or None))
    for server in (redis, postgres):
        _say(f"Starting {server.name} …")
        stack.callback(server.stop, STOP_TIMEOUT_S)
        server.start()
    _hold_partitions(redis.url, settings)
    _say("Migrating the ledger …")
    migrate(postgres.url)
    _say(f"Starting the gateway and {settings.workers} pollers …")
    environment = _environment(settings, redis.url, postgres.url)
    gateway = PythonChild(
        "gateway",
        ["local.gateway"],
        environment | {"ORDERFLOW_LISTEN_FD": str(listener.fileno())},
        [listener.fileno()],
    )
    pollers = [
        PythonChild(f"poller-{number}", ["local.poller", f"poller-{number}-{os.getpid()}"], environment)
        for number in range(1, settings.workers + 1)
    ]
    stack.callback(_stop_together, pollers)
    stack.callback(gateway.stop, STOP_TIMEOUT_S)
    for child in (*pollers, gateway):
        child.start()
    _wait_until_ready(settings, redis.url, [gateway, *pollers], stop)
    return [redis, postgres, gateway, *pollers]


def _hold_partitions(redis_url: str, settings: LocalSettings) -> None:
    """Raise StartError when this Redis was used with another number of partitions: its orders would be left behind."""
    with open_redis(redis_url) as client:
        client.setnx(PARTITIONS_KEY, settings.partitions)
        used = int(client.get(PARTITIONS_KEY) or 0)
    if used != settings.partitions:
        raise StartError(
            f"PARTITIONS={settings.partitions} can't be used with this Redis: its orders lie in {used} partitions.\n"
            f"Use PARTITIONS={used}, or another ORDERFLOW_HOME (or REDIS_URL)."
        )


def _environment(settings: LocalSettings, redis_url: str, database_url: str) -> dict[str, str]:
    """Return the settings of the functions, as the template gives them to Lambda."""
    return {
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "PARTITIONS": str(settings.partitions),
        "SEED": str(settings.seed),
        "SPEED": str(settings.speed),
        "DROP_RATE": str(settings.drop_rate),
        "NETWORK_FAILURE_RATE": str(settings.network_failure_rate),
        "CONNECTIONS_ENDPOINT": settings.url,
        "CONNECTIONS_API": "local",
        "ORDERFLOW_LIFELINE": "stdin",
    }


def _stop_together(children: list[PythonChild]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.stop(STOP_TIMEOUT_S)


def _wait_until_ready(
    settings: LocalSettings, redis_url: str, children: list[PythonChild], stop: threading.Event
) -> None:
    """Return when the gateway answers and every partition has an owner, or when told to stop."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    partitions = [CHAIN, *(f"p{number}" for number in range(settings.partitions))]
    leases = [key(partition, "lease") for partition in partitions]
    with open_redis(redis_url) as client:
        while not (_answers(settings.url) and all(client.exists(lease) for lease in leases)):
            for child in children:
                if (status := child.poll()) is not None:
                    raise StartError(f"{child.name} ended with status {status} while starting; see above")
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


@contextmanager
def _lock(settings: LocalSettings) -> Iterator[IO[str]]:
    """Hold the home directory, so that no second run works on it. Raises StartError when one does."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a+")
    except OSError as error:
        raise StartError(f"ORDERFLOW_HOME={home} can't be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise StartError(
                f"Orderflow already runs on {home} ({lock.read().strip() or 'starting'}).\n"
                "Stop it with Ctrl-C, or run a second one beside it: make run PORT=3001 ORDERFLOW_HOME=/tmp/orderflow-2"
            ) from error
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {settings.url}")
        lock.flush()
        yield lock


def _listen(settings: LocalSettings) -> socket.socket:
    """Return the socket that the gateway will serve: opened here, so that a taken port is known at once, and clients
    wait rather than be refused while the gateway is started again."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        raise StartError(
            f"Port {settings.port} on {settings.host} can't be used: {error.strerror}.\n"
            f"Another program may have it; choose another one: make run PORT={settings.port + 1}"
        ) from error


def _write_state(path: Path, settings: LocalSettings, children: list[Child]) -> None:
    """Tell other programs of this machine what runs here."""
    urls = {child.name: child.url for child in children if isinstance(child, BackingChild)}
    state = {
        "url": settings.url,
        "pid": os.getpid(),
        "processes": {child.name: child.pid for child in children if child.pid},
        "redis_url": urls["redis"],
        "database_url": urls["postgres"],
        "speed": settings.speed,
        "partitions": settings.partitions,
    }
    new = path.with_suffix(".new")
    # It may hold a password, where the servers are not ours.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state)))
    new.replace(path)


def _say(text: str) -> None:
    print(text, flush=True)
