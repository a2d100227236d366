"""Limits connections, in all and by client, so that no client holds every file that the gateway may open."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

MAX_REFUSALS = 64
"""Connections beyond the limits that are answered 503 at a time; further ones are closed without an answer."""
OWN_FILES = 64
"""Files that the gateway has open itself: listeners, its connections to the servers, its log."""
RESERVED_FILES = MAX_REFUSALS + OWN_FILES
IPV6_NETWORK_BITS = 64
"""A client with an IPv6 address usually has a whole network, of this prefix length."""


class ConnectionLimits:
    """Counts open connections, up to a limit in all and one for each client."""

    def __init__(self, in_all: int, by_address: int) -> None:
        self._in_all = in_all
        self._by_address = by_address
        self._open: Counter[str] = Counter()
        self._count = 0
        self._refusals = 0

    def acquire(self, address: str) -> str | None:
        """Count a connection from `address`, or return the limit that it exceeds."""
        client = client_of(address)
        if self._count >= self._in_all:
            return "MAX_CONNECTIONS"
        if self._open[client] >= self._by_address:
            return "MAX_CONNECTIONS_PER_ADDRESS"
        self._open[client] += 1
        self._count += 1
        return None

    def release(self, address: str) -> None:
        """Uncount a connection that `acquire` counted."""
        client = client_of(address)
        self._count -= 1
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]

    def acquire_refusal(self) -> bool:
        """Count a connection beyond the limits that is to be answered; return False where MAX_REFUSALS are already."""
        if self._refusals >= MAX_REFUSALS:
            return False
        self._refusals += 1
        return True

    def release_refusal(self) -> None:
        """Uncount a connection that `acquire_refusal` counted."""
        self._refusals -= 1


def limits_within(files: int, in_all: int, by_address: int) -> tuple[int, int]:
    """Return how many connections there may be, in all and from one client, in a process that may open `files` files.

    `by_address` 0 stands for nine tenths of all.
    """
    most = max(1, min(in_all, files - RESERVED_FILES))
    return most, min(most, by_address or max(1, most * 9 // 10))


def client_of(address: str) -> str:
    """Return the client that an address counts for: the address itself, or its IPv6 network."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    if known.is_loopback:
        return address
    return f"{int(known) >> (128 - IPV6_NETWORK_BITS):x}/{IPV6_NETWORK_BITS}"
