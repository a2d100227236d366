"""What a run claims for itself before it starts: its home, so that no second one works on it, and its ports."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from orderflow.errors import OrderflowError

BACKLOG = 2048


class StartError(OrderflowError):
    """The system can't be started; the message says why and what to do."""


@contextmanager
def hold_home(home: Path, where: str, beside: str) -> Iterator[None]:
    """Hold the home directory, and let others know `where` its owner is reached.

    Raises StartError when another run has it; `beside` is how a second one is started next to it.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StartError(f"ORDERFLOW_HOME={home} can't be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise StartError(
                f"Orderflow already runs on {home} ({lock.read().strip() or 'starting'}).\n"
                f"Stop it with Ctrl-C, or run a second one beside it: {beside}"
            ) from error
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {where}")
        lock.flush()
        yield


def listen(host: str, port: int, another: str) -> socket.socket:
    """Return a socket that listens at an address, with `::` at those of IPv4 too.

    Raises StartError when it can't; `another` chooses another port.
    """
    name = host.strip("[]")
    both = name == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        problem = f"Port {port} on {host} can't be used: {error.strerror}."
        if error.errno == errno.EADDRINUSE:
            problem += f"\n{_holder(name, port)}; choose another one: {another}"
        raise StartError(problem) from error


def server_name(started_by: str) -> str:
    """Return what a gateway calls itself in its answers."""
    return f"orderflow ({started_by})"


def _holder(host: str, port: int) -> str:
    """Say who has a port; a gateway tells what started it."""
    connection = HTTPConnection(host, port, timeout=1)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/health")
        named = connection.getresponse().headers.get("Server", "")
        if named.startswith("orderflow ("):
            return f"An Orderflow that was started by {named.removeprefix('orderflow (').rstrip(')')} has it"
    return "Another program may have it"
