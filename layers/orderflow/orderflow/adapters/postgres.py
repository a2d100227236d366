"""Connects to Postgres: a libpq-style URL in, a pg8000 connection out."""

import ssl
from contextlib import suppress
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from orderflow.errors import ConfigurationError, LoginRefusedError

CONNECT_TIMEOUT_S = 5


class DatabaseUrl(Protocol):
    """Says where the database is."""

    def __call__(self, *, anew: bool = False) -> str:
        """Return the URL with its login; `anew` when the one that was returned before is refused."""


class Connection(pg8000.native.Connection):  # type: ignore[misc]  # pg8000 has no types
    """A connection that can be closed although the server has hung up already."""

    def close(self) -> None:
        """Close it, and never raise: pg8000 would raise that in place of the server's own reason to refuse us."""
        stream = self._sock
        with suppress(InterfaceError):
            super().close()
        if stream is not None:
            # What could not be written would keep the file open until it is collected as garbage.
            with suppress(OSError):
                stream.close()


def connect(database_url: str) -> Connection:
    """Open a connection to `database_url`.

    Takes what `connection_arguments` takes. Raises ConfigurationError for any other URL, and pg8000's
    InterfaceError or DatabaseError when the server can't be reached or refuses.
    """
    return Connection(**connection_arguments(database_url))


def log_in(database_url: DatabaseUrl) -> pg8000.native.Connection:
    """Open a connection as `connect` does; when its login is refused, with the one that is asked for anew.

    Raises LoginRefusedError when that is refused too.
    """
    try:
        return connect(database_url())
    except DatabaseError as error:
        if not _refusal(error):
            raise
    try:
        return connect(database_url(anew=True))
    except DatabaseError as error:
        if refusal := _refusal(error):
            raise LoginRefusedError(f"Postgres refuses the login: {refusal}") from error
        raise


def _refusal(error: DatabaseError) -> str:
    """Return what the server says of an invalid authorization (SQLSTATE class 28); empty when it is something else."""
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(details.get("M", details)) if str(details.get("C", "")).startswith("28") else ""


def connection_arguments(database_url: str) -> dict[str, Any]:
    """Return what pg8000's `connect` functions, native and DB-API, want for `database_url`.

    Takes `postgresql://user:password@host:port/database` with libpq's `?sslmode=…&sslrootcert=/authority.pem`, or
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
        "password": unquote(url.password or ""),  # pg8000 breaks on None, where a server asks for one
        "database": unquote(url.path.lstrip("/")) or "postgres",
        "host": None if by_socket else host,
        "port": port,
        # pg8000 wants the socket's whole file name where libpq wants its directory.
        "unix_sock": f"{host}/.s.PGSQL.{port}" if by_socket else None,
        "ssl_context": _ssl_context(query.get("sslmode", "prefer"), query.get("sslrootcert", "system")),
        "timeout": CONNECT_TIMEOUT_S if not by_socket else None,
        "application_name": "orderflow",
    }


def _ssl_context(sslmode: str, sslrootcert: str) -> ssl.SSLContext | Literal[False] | None:
    """Return what pg8000 takes for a libpq `sslmode`: False is never, None is if the server can, unverified.

    `sslrootcert` is a PEM file with the authorities to trust, or `system` for those that this machine trusts.
    """
    match sslmode:
        case "disable":
            return False
        case "allow" | "prefer":
            return None
        case "require" | "verify-ca" | "verify-full":
            context = _verifying(sslrootcert)
            context.check_hostname = sslmode == "verify-full"
            if sslmode == "require":
                context.verify_mode = ssl.CERT_NONE
            return context
    raise ConfigurationError(f"DATABASE_URL has an sslmode that is none of libpq's: {sslmode}")


def _verifying(sslrootcert: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if sslrootcert == "system" else sslrootcert)
    except OSError as error:  # which ssl's own errors are too
        raise ConfigurationError(f"DATABASE_URL has an sslrootcert that can't be read: {error}") from error
