"""Connects to Postgres: a libpq-style URL in, a pg8000 connection out."""

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.native

from orderflow.errors import ConfigurationError

CONNECT_TIMEOUT_S = 5


def connect(database_url: str) -> pg8000.native.Connection:
    """Open a connection to `database_url`.

    Takes what `connection_arguments` takes. Raises ConfigurationError for any other URL, and pg8000's
    InterfaceError or DatabaseError when the server can't be reached or refuses.
    """
    return pg8000.native.Connection(**connection_arguments(database_url))


def connection_arguments(database_url: str) -> dict[str, Any]:
    """Return what pg8000's `connect` functions, native and DB-API, want for `database_url`.

    Takes `postgresql://user:password@host:port/database` with `?sslmode=require|verify-full`, or
    `postgresql://user@/database?host=/directory/of/the/socket`. Raises ConfigurationError for any other URL.
    """
    url = urlsplit(database_url)
    if url.scheme not in ("postgresql", "postgres"):
        raise ConfigurationError("DATABASE_URL must start with postgresql://")
    query = {key: values[-1] for key, values in parse_qs(url.query).items()}
    host = query.get("host", "") or url.hostname or "127.0.0.1"
    try:
        port = url.port or int(query.get("port", "5432"))
    except ValueError:  # its text may hold a part of a password with a slash in it
        raise ConfigurationError("DATABASE_URL has no valid port; is its password percent-encoded?") from None
    by_socket = host.startswith("/")
    return {
        "user": unquote(url.username or query.get("user", "postgres")),
        "password": unquote(url.password) if url.password else None,
        "database": unquote(url.path.lstrip("/")) or "postgres",
        "host": None if by_socket else host,
        "port": port,
        # pg8000 wants the socket's whole file name where libpq wants its directory.
        "unix_sock": f"{host}/.s.PGSQL.{port}" if by_socket else None,
        "ssl_context": _ssl_context(query.get("sslmode", "disable")),
        "timeout": CONNECT_TIMEOUT_S if not by_socket else None,
        "application_name": "orderflow",
    }


def _ssl_context(sslmode: str) -> ssl.SSLContext | None:
    """Return the context for a libpq `sslmode`: `disable`, `require` (no verification) or `verify-full`."""
    if sslmode in ("disable", "allow", "prefer"):
        return None
    context = ssl.create_default_context()
    if sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
