"""How many sockets an account may have open: one that opens in, whether there is room for it out."""

import asyncio
from collections.abc import Sequence

import redis
from fastapi.concurrency import run_in_threadpool

from orderflow.adapters.account_sockets import NONE_LOOKED_AT, AccountSocket, Looked
from orderflow.domain.access import Caller
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.lately import Lately
from orderflow.runtime.refusals import Refusals

UNAVAILABLE = (RetryableError, ConfigurationError, redis.RedisError, OSError)
LOOK_EVERY_S = 1.0
"""At most so often an account's sockets are asked for: a client that opens one after the other may cost no more."""

_refusals = Refusals("watch_order")
_lately = Lately(LOOK_EVERY_S, 10_000)
_looking: dict[str, asyncio.Future[Looked]] = {}


async def count_in(caller: Caller, connection_id: str) -> bool:
    """Count a socket that opens; return False, and do not, where its account has no room for it.

    While Redis is unavailable there is room: a socket is of little use then anyway.
    """
    if caller.limits is None:
        return True
    socket = _socket(caller, connection_id)
    try:
        if await _add(socket, caller.limits.sockets):
            return True
    except UNAVAILABLE as error:
        _refusals.note("unavailable", f"the sockets of {caller.account}: {error}")
        return True
    _refusals.note("sockets", f"{caller.account} has {caller.limits.sockets} open")
    return False


async def count_out(caller: Caller, connection_id: str) -> None:
    """Count a socket that is closed no longer. Raises redis' errors; one that stays is found out later."""
    if caller.limits is not None:
        await async_clients.account_sockets().remove(_socket(caller, connection_id))


async def _add(socket: AccountSocket, most: int) -> bool:
    sockets, opening_ms = async_clients.account_sockets(), clients.sockets().opening_ms
    others = await sockets.add(socket, most, opening_ms)
    if others is None:
        return True
    looked = await _look(socket.account, others)
    return await sockets.add(socket, most, opening_ms, looked) is None


async def _look(account: str, sockets: Sequence[AccountSocket]) -> Looked:
    """Find out which are gone; of many that come at once, as after a gateway's end, one looks and the others wait."""
    looking = _looking.get(account)
    if looking is None:
        if account in _lately:
            return NONE_LOOKED_AT
        _lately.note(account)
        looking = _looking[account] = asyncio.ensure_future(run_in_threadpool(_look_at, sockets))
        looking.add_done_callback(lambda _: _looking.pop(account, None))
    return await asyncio.shield(looking)


def _look_at(sockets: Sequence[AccountSocket]) -> Looked:
    found = {socket: clients.sockets().is_open(socket.connection_id) for socket in sockets}
    return Looked([each for each in sockets if not found[each]], [each for each in sockets if found[each]])


def _socket(caller: Caller, connection_id: str) -> AccountSocket:
    return AccountSocket(caller.account, caller.key_id, connection_id)
