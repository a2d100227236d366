"""Whether orders can be kept: what GET /health says, found out once a second at most."""

import asyncio
import time

import redis

from orderflow.errors import RetryableError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.refusals import Refusals

LOOK_EVERY_S = 1.0
LOOK_TIMEOUT_S = 2.0
OK, UNAVAILABLE = "ok", "unavailable"

_unhealthy = Refusals("read_orders", "unhealthy")


class Health:
    """The stores' state, looked at by one caller for all who ask at the same time and in the second after."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[dict[str, str]] | None = None

    async def state(self) -> dict[str, str]:
        """Return `ok` or `unavailable` for Redis, which has to take writes, and for Postgres; the log says why."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now - self._looked_at >= LOOK_EVERY_S):
            self._looked_at = now
            self._looking = asyncio.create_task(_look())
        # A caller that leaves must not take the others' answer along.
        return await asyncio.shield(self._looking)


async def _look() -> dict[str, str]:
    checks = {
        "redis": async_clients.redis_health().check(),
        "postgres": asyncio.to_thread(lambda: clients.ledger().ping()),
    }
    looks = [asyncio.wait_for(check, LOOK_TIMEOUT_S) for check in checks.values()]
    outcomes = await asyncio.gather(*looks, return_exceptions=True)
    state = dict.fromkeys(checks, OK)
    for name, outcome in zip(checks, outcomes, strict=True):
        if isinstance(outcome, RetryableError | redis.RedisError | OSError):
            _unhealthy.note(name, str(outcome) or type(outcome).__name__)
            state[name] = UNAVAILABLE
        elif isinstance(outcome, BaseException):
            raise outcome
    return state
