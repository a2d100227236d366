"""Tickets that open one socket each, for asyncio: what is known of a caller in, a text out, and back once.

A page in a browser can send no header with the handshake of a WebSocket. Its address would stand in logs and histories,
so a key has no place there; a ticket is worth nothing once it was used, or after half a minute.
"""

import re
import secrets
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from redis import RedisError
from redis.asyncio import Redis

from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import SHARED, key
from orderflow.errors import RetryableError

KEEP_S = 30
"""How long a ticket can be used."""
_SECRET_BYTES = 32
_TEXT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_context = msgspec.json.Decoder(dict[str, str])


class Tickets:
    """The tickets that were issued and not used. Redis has only their digests: who reads it can't use them."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def issue(self, context: Mapping[str, str]) -> str:
        """Return a new ticket of a caller, of 43 characters that need no quoting in a URL.

        Raises RetryableError when Redis can't be reached.
        """
        ticket = secrets.token_urlsafe(_SECRET_BYTES)
        try:
            await self._client.set(_key(ticket), encoder.encode(dict(context)), ex=KEEP_S)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        return ticket

    async def take(self, ticket: str) -> dict[str, str] | None:
        """Return whose a ticket is, which is used then; None where it is none, is over, or was used before.

        Raises RetryableError when Redis can't be reached.
        """
        if _TEXT.fullmatch(ticket) is None:
            return None
        try:
            found = await self._client.getdel(_key(ticket))
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        return None if found is None else _context.decode(found)


def _key(ticket: str) -> str:
    return key(SHARED, f"ticket:{sha256(ticket.encode()).hexdigest()}")


def _unavailable(error: Exception) -> RetryableError:
    return RetryableError(f"Redis can't be reached for tickets: {error}")
