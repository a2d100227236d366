"""Closes sockets whose key has ended: each is looked at as a frame comes, and all of them every few seconds."""

import asyncio

from local.gateway.authorization import KeyAuthorization
from local.gateway.connections import Connection

CHECK_EVERY_S = 2.0
KEY_REVOKED = 4403
"""The close code: of those for applications the one that is HTTP's 403."""
REVOKED_FRAME = '{"error":"key revoked"}'


class OpenKeys:
    """The keys by which the open sockets were opened."""

    def __init__(self, authorization: KeyAuthorization) -> None:
        self._authorization = authorization
        self._connections: dict[str, Connection] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, connection: Connection) -> None:
        """Look at a connection from now on."""
        self._connections[connection.id] = connection
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._check_all())

    def remove(self, connection: Connection) -> None:
        """Look at a connection no longer."""
        self._connections.pop(connection.id, None)

    async def check(self, connection: Connection) -> bool:
        """Return whether the key of a connection is one still; close the connection if it is not."""
        if await self._authorization.is_good(connection.context, connection.source_ip):
            return True
        _close(connection)
        return False

    async def _check_all(self) -> None:
        while self._connections:
            await asyncio.sleep(CHECK_EVERY_S)
            by_key: dict[str, list[Connection]] = {}
            for connection in self._connections.values():
                by_key.setdefault(connection.context.get("key_id", ""), []).append(connection)
            for connections in by_key.values():
                first = connections[0]
                if not await self._authorization.is_good(first.context, first.source_ip):
                    for connection in connections:
                        _close(connection)


def _close(connection: Connection) -> None:
    connection.send(REVOKED_FRAME)
    connection.close(KEY_REVOKED)
