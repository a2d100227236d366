"""TCP ports for the tests' servers, no two the same, however many tests run at once."""

import os
import socket
from contextlib import suppress
from itertools import cycle
from random import SystemRandom

HOST = "127.0.0.1"
# Below the ports that systems lend to outgoing connections, one of which could take a port between two uses of it.
_FIRST, _LAST, _WORKERS = 10_000, 32_000, 16


def _of_this_worker() -> "cycle[int]":
    """Return the ports of this worker of pytest-xdist over and over, from a random one on: others may test here too."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    size = (_LAST - _FIRST) // _WORKERS
    ports = range(_FIRST + number * size, _FIRST + (number + 1) * size)
    # Not the random numbers that a test may have seeded.
    turn = SystemRandom().randrange(size)
    return cycle([*ports[turn:], *ports[:turn]])


_ports = _of_this_worker()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    for port in _ports:
        with suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise AssertionError("unreachable: the ports never end")


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on, each another."""
    return [free_port() for _ in range(count)]
