"""Copies of API keys in Redis, which is asked at run time: a key's id in, the key and how long ago it was read out.

A key goes from Postgres to here; a copy never takes the place of a newer version. A failover of Redis may bring an
older one back, so a copy counts as the key for FRESH_MS only, and has to be read anew then.
"""

from collections.abc import Awaitable
from ipaddress import IPv6Address
from typing import Any, NamedTuple

import msgspec
import redis
from redis.asyncio import Redis as AsyncRedis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import SHARED, key
from orderflow.domain.access import ApiKey
from orderflow.domain.addresses import read_address
from orderflow.errors import OrderflowError

FRESH_MS = 60_000
KEEP_MS = 24 * 60 * 60 * 1000
"""So long a key goes on while Postgres is unavailable."""
LOOKUP_GAP_MS, LOOKUP_BURST = 50, 100
"""20 look-ups a second, and 100 at once, of ids that are not here, from an address."""

_decode = msgspec.json.Decoder(ApiKey).decode


class TooManyLookupsError(OrderflowError):
    """An address asks for unknown keys too often; after `retry_after_ms` it may ask for one more."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"too many unknown keys from one address; one more in {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class Copy(NamedTuple):
    """A key's copy, None where there is none that can be read. `age_ms` is since when it was read from Postgres."""

    key: ApiKey | None
    age_ms: int
    looked_up_at_ms: int
    """By Redis' clock, so that what is read from Postgres after this has this for the time at which it was read."""

    @property
    def is_fresh(self) -> bool:
        """Whether it counts as the key. One that was read in the future was so by another node's clock."""
        return self.key is not None and 0 <= self.age_ms < FRESH_MS


class ApiKeyCopies:
    """The copies, for asyncio. Each method raises redis' errors."""

    def __init__(self, client: AsyncRedis) -> None:
        self._client = client
        self._look_up = client.register_script(scripts.source("look_up_key"))
        self._keep = client.register_script(scripts.source("keep_key"))

    async def look_up(self, key_id: str, address: str | None) -> Copy:
        """Return a key's copy. Raises TooManyLookupsError when there is none, and the address has asked too often.

        Without an address that counts against nobody.
        """
        keys = [_copy_of(key_id)]
        if address is not None:
            keys.append(key(SHARED, f"key-lookups:{network_of(address)}"))
        now, wait, *found = await self._look_up(keys, [LOOKUP_GAP_MS, LOOKUP_BURST])
        if wait:
            raise TooManyLookupsError(wait)
        if not found:
            return Copy(None, 0, now)
        text, read_at = found
        return Copy(_readable(text), now - read_at, now)

    async def keep(self, api_key: ApiKey, read_at_ms: int) -> ApiKey:
        """Keep a key that was read at that moment, by Redis' clock; return the newest version that is known here."""
        kept: str = await self._keep([_copy_of(api_key.id)], _kept(api_key, read_at_ms))
        return _readable(kept) or api_key

    async def drop(self, key_id: str) -> None:
        """Forget a key that Postgres does not have."""
        dropped: Awaitable[Any] = self._client.delete(_copy_of(key_id))
        await dropped


def keep_copy(client: redis.Redis, api_key: ApiKey) -> None:
    """Keep a key that was changed just now, for programs without asyncio. Raises redis' errors."""
    client.register_script(scripts.source("keep_key"))([_copy_of(api_key.id)], _kept(api_key, None))


def network_of(address: str) -> str:
    """Return what one customer of an internet provider has: an IPv4 address, or 64 bits of an IPv6 address."""
    parsed = read_address(address)
    if parsed is None:
        return "unknown"
    return str(IPv6Address(int(parsed) >> 64 << 64) if isinstance(parsed, IPv6Address) else parsed)


def _copy_of(key_id: str) -> str:
    return key(SHARED, f"api-key:{key_id}")


def _kept(api_key: ApiKey, read_at_ms: int | None) -> list[str | int]:
    read_at = "" if read_at_ms is None else read_at_ms
    return [encoder.encode(api_key).decode(), api_key.version, read_at, KEEP_MS]


def _readable(text: str) -> ApiKey | None:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None  # written by newer code; Postgres has it
