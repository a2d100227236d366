"""Refuses requests that do not name a host of this gateway, and those that a foreign web page has a browser send.

A page whose name leads to an address of this machine (DNS rebinding) is of the same origin as the gateway for its
browser; the Host header has the page's name. Other pages can't read answers, but could place orders and open sockets;
their browser says so in the Origin header. Why addresses are good hosts is decision 0059.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from orderflow.domain.addresses import read_address
from orderflow.runtime.http.problems import ProblemError, problem
from orderflow.runtime.refusals import Refusals

ANY = "*"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
CONTAINERS_HOST = "host.docker.internal"
"""Where programs in containers find the machine that they run on."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""They change nothing (RFC 9110, section 9.2.1), and other pages can't read the answers."""
_HOST = re.compile(r"(?P<name>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_LONGEST = 300
"""A name in the DNS has 253 characters at most, before a port's six."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

_Authority = tuple[str, int | None]


class Hosts:
    """The hosts and origins that a gateway answers to: those of its own and those that the settings add."""

    def __init__(self, bound: str = "127.0.0.1", hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._names = LOOPBACK_HOSTS | {CONTAINERS_HOST, normalized(bound)} | {_without_port(host) for host in hosts}
        self.origins = {origin.rstrip("/").lower() for origin in origins}
        # Beyond the loopback, any address that leads here is allowed: the page of a rebound name has a name for its
        # host, never an address.
        self._any_address = normalized(bound) not in LOOPBACK_HOSTS

    def check(self, scope: Scope) -> None:
        """Raise ProblemError for a request, or a handshake, whose Host or Origin is not allowed."""
        host = self._host_of(scope)
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            for origin in _values(scope, b"origin"):
                if not self._may_come_from(origin, host):
                    raise ProblemError(HTTPStatus.FORBIDDEN, "pages of another origin may not do this")

    def _host_of(self, scope: Scope) -> _Authority | None:
        named = _values(scope, b"host")
        if not named and scope["http_version"] == "1.0":
            return None  # from no browser
        authority = _authority(named[0]) if len(named) == 1 else None
        if authority is None:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "a request has one Host header, with a name or an address")
        if not self._is_ours(authority[0], scope):
            detail = f"{authority[0]} is not a host of this gateway (ALLOWED_HOSTS)"
            raise ProblemError(HTTPStatus.MISDIRECTED_REQUEST, detail)
        return authority

    def _is_ours(self, name: str, scope: Scope) -> bool:
        if name in self._names or ANY in self._names:
            return True
        address = read_address(name)
        server = scope.get("server") or ("", None)
        return address is not None and (self._any_address or address == read_address(server[0]))

    def _may_come_from(self, origin: str, host: _Authority | None) -> bool:
        if ANY in self.origins or origin.lower() in self.origins:
            return True
        try:
            parts = urlsplit(origin)
            name, port = normalized(parts.hostname or ""), parts.port
        except ValueError:
            return False
        if parts.scheme not in _DEFAULT_PORTS or host is None:
            return False
        default = _DEFAULT_PORTS[parts.scheme]
        if (port or default) != (host[1] or default):
            return False
        return name == host[0] or {name, host[0]} <= LOOPBACK_HOSTS


class HostCheck:
    """An application behind the check of Host and Origin."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts
        self._refusals = Refusals("gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._hosts.check(scope)
        except ProblemError as error:
            self._refusals.note(error.status.phrase, error.detail)
            await _answer(problem(error.status, error.detail), scope, receive, send)
        else:
            await self._app(scope, receive, send)


def normalized(host: str) -> str:
    """Return a host's name or address in the one form in which it is compared."""
    name = host.strip().strip("[]").rstrip(".").lower()
    address = read_address(name)
    return name if address is None else str(address)


def _without_port(host: str) -> str:
    authority = _authority(host)
    return normalized(host) if authority is None else authority[0]


def _authority(host: str) -> _Authority | None:
    """Return the name or address and the port in a Host header; None when it can't be read."""
    # Before anything keeps it: strangers could fill the memory with headers.
    return None if len(host) > _LONGEST else _read_authority(host)


@lru_cache(1024)
def _read_authority(host: str) -> _Authority | None:
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    return normalized(found["name"]), int(found["port"]) if found["port"] else None


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for known, value in scope["headers"] if known == name]


async def _answer(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)
