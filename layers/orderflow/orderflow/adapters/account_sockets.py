"""How many sockets each account has open: sockets that open and close in, whether there is room for one more out.

Whether a socket is open, its gateway knows. One that ended with nobody to say so, since the gateway was killed, stays
here until the account has no room left; then those are dropped that no gateway has.
"""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import redis
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters import scripts
from orderflow.adapters.keys import SHARED, key

REVOKED_FRAME = '{"error":"key revoked"}'
"""What a socket is sent whose key has ended, before it is closed."""
MOST_LOOKED_AT = 20
"""Sockets that are returned at a time, for the caller to ask whether they are open."""


class AccountSocket(NamedTuple):
    """A socket, and the key by which its account has opened it. Neither id has a blank in it."""

    account: str
    key_id: str
    connection_id: str


class Looked(NamedTuple):
    """Sockets of one account that were looked at: those that are gone, and those that are open."""

    gone: Sequence[AccountSocket] = ()
    are_open: Sequence[AccountSocket] = ()


NONE_LOOKED_AT = Looked()


class AccountSockets:
    """The open sockets of all accounts, for asyncio. Each method raises redis' errors."""

    def __init__(self, client: AsyncRedis) -> None:
        self._client = client
        self._add = client.register_script(scripts.source("add_socket"))

    async def add(
        self, socket: AccountSocket, most: int, untouched_ms: int = 0, looked: Looked = NONE_LOOKED_AT
    ) -> list[AccountSocket] | None:
        """Count a socket that opens, after what was found out of others of its account; None when it is counted.

        Where its account has `most` open already it is not, and those are returned of which it was found out longest
        ago, at least `untouched_ms`, that they are open: some may be gone.
        """
        gone, are_open = ([_member(each) for each in some] for some in looked)
        arguments: list[str | int] = [_member(socket), most, untouched_ms, MOST_LOOKED_AT, len(gone), *gone, *are_open]
        counted, *members = await self._add([_key(socket.account)], arguments)
        return None if counted else [_read(socket.account, member) for member in members]

    async def remove(self, socket: AccountSocket) -> None:
        """Count a socket that is closed no longer."""
        removed: Awaitable[Any] = self._client.zrem(_key(socket.account), _member(socket))
        await removed


def sockets_of_key(client: redis.Redis, account: str, key_id: str) -> list[AccountSocket]:
    """Return the sockets that are open by a key of an account. Raises redis' errors."""
    members = cast("Iterable[str]", client.zrange(_key(account), 0, -1))
    sockets = (_read(account, member) for member in members)
    return [socket for socket in sockets if socket.key_id == key_id]


def _key(account: str) -> str:
    return key(SHARED, f"sockets:{account}")


def _member(socket: AccountSocket) -> str:
    return f"{socket.key_id} {socket.connection_id}"


def _read(account: str, member: str) -> AccountSocket:
    return AccountSocket(account, *member.split(" ", 1))
