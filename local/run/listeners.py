"""Opens the sockets that a run listens on: an address in, a listening socket out."""

import errno
import socket
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException

from local.errors import StartError

BACKLOG = 2048


def listen(host: str, port: int, another: str) -> socket.socket:
    """Return a socket that listens at an address, with `::` at those of IPv4 too.

    Raises StartError when it can't; `another` is the setting or the command that chooses another port.
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
    """Return the `Server` header of a gateway's answers, by which another run knows what started it."""
    return f"orderflow ({started_by})"


def _holder(host: str, port: int) -> str:
    """Say which program has a port: a gateway's answers name what started it."""
    connection = HTTPConnection(host, port, timeout=1)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/health")
        named = connection.getresponse().headers.get("Server", "")
        if named.startswith("orderflow ("):
            return f"An Orderflow that was started by {named.removeprefix('orderflow (').rstrip(')')} has it"
    return "Another program may have it"
