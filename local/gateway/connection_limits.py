"""Counts connections, in all and by address, so that no client holds every file that the gateway may open."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

TURNING_AWAY = 64
"""So many connections beyond the limits are answered at a time; those beyond these are closed without a word."""
OWN_FILES = 64
"""What the gateway has open itself: listeners, its connections to the servers, its log."""
RESERVED_FILES = TURNING_AWAY + OWN_FILES
IPV6_NETWORK_BITS = 64
"""Whoever has an IPv6 address at all usually has a network of so many bits."""


class ConnectionLimits:
    """The connections that are open, of which there are at most so many, and so many of one address."""

    def __init__(self, in_all: int, by_address: int) -> None:
        self._in_all = in_all
        self._by_address = by_address
        self._open: Counter[str] = Counter()
        self._count = 0
        self._turned_away = 0

    def enter(self, address: str) -> str | None:
        """Count a connection from `address`; return the limit that it is beyond, and then do not count it."""
        whose = client_of(address)
        if self._count >= self._in_all:
            return "MAX_CONNECTIONS"
        if self._open[whose] >= self._by_address:
            return "MAX_CONNECTIONS_PER_ADDRESS"
        self._open[whose] += 1
        self._count += 1
        return None

    def leave(self, address: str) -> None:
        """Forget a connection that was counted."""
        whose = client_of(address)
        self._count -= 1
        self._open[whose] -= 1
        if not self._open[whose]:
            del self._open[whose]

    def turn_away(self) -> bool:
        """Return whether there is room to answer one connection more that is beyond the limits, and count it."""
        if self._turned_away >= TURNING_AWAY:
            return False
        self._turned_away += 1
        return True

    def turned_away(self) -> None:
        """Forget a connection that was answered that it is beyond the limits."""
        self._turned_away -= 1


def limits_within(files: int, in_all: int, by_address: int) -> tuple[int, int]:
    """Return how many connections there may be, in all and of one address, in a process that may open `files` files.

    `by_address` 0 leaves a tenth to others.
    """
    most = max(1, min(in_all, files - RESERVED_FILES))
    return most, min(most, by_address or max(1, most * 9 // 10))


def client_of(address: str) -> str:
    """Return whom an address counts for: itself, or its network of IPv6."""
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
