"""Closes sockets whose key has ended: each is looked at as a frame comes, and all of them every few seconds."""

import asyncio
from collections.abc import Sequence

from local.gateway.authorization import KeyAuthorization
from local.gateway.connections import Connection
from orderflow.adapters.account_sockets import REVOKED_FRAME
from orderflow.runtime.refusals import Refusals

CHECK_EVERY_S = 2.0
AT_ONCE = 20
"""Keys that are looked at together: while Redis is unavailable each takes seconds."""
KEY_REVOKED = 4403
"""The close code: of those for applications the one that is HTTP's 403."""


class OpenKeys:
    """The keys by which the open sockets were opened."""

    def __init__(self, authorization: KeyAuthorization) -> None:
        self._authorization = authorization
        self._connections: dict[str, Connection] = {}
        self._task: asyncio.Task[None] | None = None
        self._faults = Refusals("gateway", "fault", errors=True)

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
        if await self._authorization.is_good(connection.context):
            return True
        _close(connection)
        return False

    async def _check_all(self) -> None:
        while self._connections:
            await asyncio.sleep(CHECK_EVERY_S)
            by_key: dict[str, list[Connection]] = {}
            for connection in self._connections.values():
                by_key.setdefault(connection.context.get("key_id", ""), []).append(connection)
            opened_by = list(by_key.values())
            for place in range(0, len(opened_by), AT_ONCE):
                await asyncio.gather(*map(self._check_key, opened_by[place : place + AT_ONCE]))

    async def _check_key(self, connections: Sequence[Connection]) -> None:
        """Close the connections of one key if that has ended."""
        context = connections[0].context
        try:
            is_good = await self._authorization.is_good(context)
        except Exception as error:  # noqa: BLE001 - the other keys have to be looked at whatever is wrong with this one
            self._faults.note(type(error).__name__, f"key {context.get('key_id', '')} of an open socket: {error}")
            return
        if not is_good:
            for connection in connections:
                _close(connection)


def _close(connection: Connection) -> None:
    connection.send(REVOKED_FRAME)
    connection.close(KEY_REVOKED)
