"""Connections to the ledger's Postgres: kept, shared by threads, limited in time, and replaced where they broke."""

import queue
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from orderflow.errors import RetryableError

MAX_CONNECTIONS = 8
WAIT_FOR_PLACE_S = 5

Found = TypeVar("Found")

# The server ends the connection with these (57P01 to 57P05), or is a standby by now (25006).
_ENDS_CONNECTION = ("57P01", "57P02", "57P03", "57P04", "57P05", "25006")


class _LostError(RetryableError):
    """The connection broke, or could not be opened."""


class LedgerConnection:
    """A connection, with the statements that were prepared on it."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self.run = connection.run
        self.close = connection.close
        self._prepare = connection.prepare
        self._prepared: dict[str, Any] = {}
        self._limit_ms = 0

    def run_prepared(self, statement: str, **values: str) -> list[list[Any]]:
        """Run a statement that is prepared at its first use, and return its rows."""
        if statement not in self._prepared:
            # Its plan is kept while tables grow, so a row is looked up through an index in the smallest one already.
            self.run("SET enable_seqscan = off")
            self._prepared[statement] = self._prepare(statement)
        return list(self._prepared[statement].run(**values) or [])

    def limit(self, milliseconds: int) -> None:
        """Have Postgres end a statement that takes longer."""
        if milliseconds != self._limit_ms:
            self.run(f"SET statement_timeout = {milliseconds:d}")
            self._limit_ms = milliseconds


class _Place:
    """Where a connection is kept between two uses."""

    def __init__(self, connect: Callable[[], pg8000.native.Connection]) -> None:
        self._connect = connect
        self._connection: LedgerConnection | None = None

    def use(self, limit_ms: int, work: Callable[[LedgerConnection], Found]) -> Found:
        """Do `work` on the connection that was kept; where that turns out to be broken, again on a fresh one.

        Each has been kept since before Postgres was started again, or failed over, and is found broken when it is
        used. Whatever is asked of the ledger may be asked twice: a step that is written already is left as it is.
        """
        kept = self._connection is not None
        try:
            return self._try(limit_ms, work)
        except _LostError as error:
            # After a time-out Postgres may still be at it, and would only have twice as much to do.
            if not kept or _timed_out(error):
                raise
        return self._try(limit_ms, work)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(InterfaceError, DatabaseError, OSError):
                connection.close()

    def _try(self, limit_ms: int, work: Callable[[LedgerConnection], Found]) -> Found:
        try:
            if self._connection is None:
                self._connection = LedgerConnection(self._connect())
            self._connection.limit(limit_ms)
            return work(self._connection)
        except (InterfaceError, OSError) as error:
            self.close()
            raise _LostError(f"Postgres can't be reached: {error}") from error
        except DatabaseError as error:
            code = _code(error)
            if code[:2] == "08" or code in _ENDS_CONNECTION:
                self.close()
                raise _LostError(f"Postgres is not ready: {_message(error)}") from error
            if _is_transient(code) or _is_older(error):
                raise RetryableError(f"Postgres is not ready: {_message(error)}") from error
            raise


class LedgerConnections:
    """A few connections, each opened when it is needed first."""

    def __init__(self, connect: Callable[[], pg8000.native.Connection]) -> None:
        self._idle: queue.LifoQueue[_Place] = queue.LifoQueue()
        for _ in range(MAX_CONNECTIONS):
            self._idle.put(_Place(connect))

    def use(self, limit_ms: int, work: Callable[[LedgerConnection], Found]) -> Found:
        """Do `work` on one of the connections. Raises RetryableError when that is not possible right now."""
        try:
            place = self._idle.get(timeout=WAIT_FOR_PLACE_S)
        except queue.Empty as error:
            raise RetryableError(f"all {MAX_CONNECTIONS} connections to Postgres are busy") from error
        try:
            return place.use(limit_ms, work)
        finally:
            self._idle.put(place)

    def close(self) -> None:
        """Close the connections that are idle; the next use opens another."""
        idle = [self._idle.get() for _ in range(self._idle.qsize())]
        for place in idle:
            place.close()
            self._idle.put(place)


def _timed_out(error: BaseException | None) -> bool:
    """Return whether a connection was given up because nothing came, which pg8000 calls a network error too."""
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error is not None


def _code(error: DatabaseError) -> str:
    """Return the SQLSTATE of an error, empty when it has none."""
    details = error.args[0] if error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""


def _is_transient(code: str) -> bool:
    """Return whether the server, not the data, is at fault (SQLSTATE classes 08, 40, 53, 55, 57, 58)."""
    return code[:2] in ("08", "40", "53", "55", "57", "58")


def _is_older(error: DatabaseError) -> bool:
    """Return whether the schema is older than this code: a deployment was quicker than its migration.

    It lacks a table or a column then, or wants the JSON of an event, which is not written since revision 0004.
    """
    code = _code(error)
    return code in ("42P01", "42703") or (code == "23502" and error.args[0].get("c") == "event")


def _message(error: DatabaseError) -> str:
    details = error.args[0] if error.args else None
    return str(details.get("M", details)) if isinstance(details, dict) else str(error)
