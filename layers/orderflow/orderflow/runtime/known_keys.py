"""The keys that requests come with: a key's id in, the key out, from this process, from Redis or from Postgres."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import redis

from orderflow.adapters.api_key_copies import ApiKeyCopies, Copy, network_of
from orderflow.domain.access import ApiKey
from orderflow.errors import RetryableError
from orderflow.runtime.lately import Lately
from orderflow.runtime.refusals import Refusals

REMEMBER_S = 5.0
"""So long this process asks nobody about a key, or about an id that nobody has: at most so late it notices a change."""
MOST_REMEMBERED = 10_000
READ_TIMEOUT_S = 2.0
PAUSE_S = 1.0
"""So long Postgres is not asked again after it did not answer, so that its copies' users do not each wait for it."""


class _Remembered(NamedTuple):
    key: ApiKey
    until: float


class KnownKeys:
    """The keys. `read` finds one in Postgres; concurrent requests with the same key share one look-up."""

    def __init__(self, copies: ApiKeyCopies, read: Callable[[str], Awaitable[ApiKey | None]]) -> None:
        self._copies = copies
        self._read = read
        self._remembered: dict[str, _Remembered] = {}
        self._unknown = Lately(REMEMBER_S, MOST_REMEMBERED)
        self._asked: dict[tuple[str, str | None], asyncio.Task[ApiKey | None]] = {}
        self._ask_postgres_at = 0.0
        self._outages = Refusals("authorize_request", "unavailable")

    async def find(self, key_id: str, address: str | None) -> ApiKey | None:
        """Return a key that is used from an address, None when there is none of this id.

        Without an address it is one that was good before: to look it up is no guess, and counts against nobody.

        It is as it was REMEMBER_S ago at most; after a failover of Redis as it was FRESH_MS before that, and while
        Postgres is unavailable as it was last read. Raises TooManyLookupsError when the address asks for too many
        unknown ones, and RetryableError when nobody can say.
        """
        remembered = self._remembered.get(key_id)
        if remembered is not None and time.monotonic() < remembered.until:
            return remembered.key
        if key_id in self._unknown:
            return None
        # Those of another address must not have its refusal.
        asked = key_id, None if address is None else network_of(address)
        task = self._asked.get(asked)
        if task is None:
            task = self._asked[asked] = asyncio.create_task(self._look_up(key_id, address))
            task.add_done_callback(lambda done: self._end(asked, done))
        # A caller that leaves must not take the others' answer along.
        return await asyncio.shield(task)

    def _end(self, asked: tuple[str, str | None], done: asyncio.Task[ApiKey | None]) -> None:
        del self._asked[asked]
        if not done.cancelled():
            done.exception()  # else asyncio would log it where all callers have left

    async def _look_up(self, key_id: str, address: str | None) -> ApiKey | None:
        copy = await self._copy(key_id, address)
        if copy is not None and copy.is_fresh:
            return self._remember(copy.key)
        try:
            found = await self._in_postgres(key_id)
        except RetryableError as error:
            self._outages.note("postgres", f"key {key_id}: {error}")
            if copy is None or copy.key is None:
                raise
            return self._remember(copy.key)
        if copy is not None:
            found = await self._renew(copy, key_id, found)
        return self._remember(found, key_id)

    def _remember(self, key: ApiKey | None, key_id: str = "") -> ApiKey | None:
        if key is None:
            self._remembered.pop(key_id, None)
            self._unknown.note(key_id)
            return None
        self._remembered.pop(key.id, None)  # to its end, so that the oldest come first
        self._remembered[key.id] = _Remembered(key, time.monotonic() + REMEMBER_S)
        if len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return key

    async def _copy(self, key_id: str, address: str | None) -> Copy | None:
        try:
            return await self._copies.look_up(key_id, address)
        except (redis.RedisError, OSError) as error:
            self._outages.note("redis", f"key {key_id}: {error}")
            return None

    async def _renew(self, copy: Copy, key_id: str, found: ApiKey | None) -> ApiKey | None:
        """Bring a copy to what Postgres has, and return what counts: Redis may have a newer version by now."""
        try:
            if found is not None:
                return await self._copies.keep(found, copy.looked_up_at_ms)
            if copy.key is not None:
                await self._copies.drop(key_id)
        except (redis.RedisError, OSError) as error:
            self._outages.note("redis", f"key {key_id}: {error}")
        return found

    async def _in_postgres(self, key_id: str) -> ApiKey | None:
        if time.monotonic() < self._ask_postgres_at:
            raise RetryableError("Postgres did not answer just now")
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._read(key_id)
        except (RetryableError, TimeoutError) as error:
            self._ask_postgres_at = time.monotonic() + PAUSE_S
            raise RetryableError(f"Postgres can't be asked about keys: {error or 'it takes too long'}") from error
