"""The outside systems of this process for asyncio; only the front door's functions use them."""

import asyncio
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from orderflow.adapters.account_sockets import AccountSockets
from orderflow.adapters.api_key_copies import ApiKeyCopies
from orderflow.adapters.capacity import Limits
from orderflow.adapters.channels import Channels
from orderflow.adapters.followers import Followers
from orderflow.adapters.intake import Intake
from orderflow.adapters.rate_limits import RateLimits
from orderflow.adapters.redis_cluster import AsyncCluster, AsyncSingle
from orderflow.adapters.redis_health import RedisHealth
from orderflow.adapters.replication import AsyncReplication
from orderflow.adapters.subscriptions import Subscriptions
from orderflow.adapters.tickets import Tickets
from orderflow.runtime import clients
from orderflow.runtime.at_once import AtOnce
from orderflow.runtime.clients import redis_login
from orderflow.runtime.known_keys import KnownKeys
from orderflow.runtime.settings import ChangeSettings, IntakeSettings, ReadSettings, Settings, read_settings

MAX_CONNECTIONS = 32
MAX_KEY_LOOKUPS, KEY_THREADS = 200, 2
"""Postgres is asked about a key once a minute; beyond so many at once somebody asks for keys that there are not."""
MAX_TENDED, TENDING_THREADS = 20, 1
"""Dead letters are few people's work, which must get through however much is asked for besides."""
QUOTE_THREADS, READ_THREADS, LOOKUP_THREADS, CHANGE_THREADS = 1, 4, 2, 4
"""Quotes take nothing but processor time; reads and changes mostly wait for Redis or Postgres."""
TIMEOUT_S = 2
"""After this a client is answered that its order may not have been kept; shorter than most clients' patience."""

Opened = TypeVar("Opened")


def once_per_loop(open_client: Callable[[], Opened]) -> Callable[[], Opened]:
    """Have each event loop open its own, once."""
    opened: WeakKeyDictionary[asyncio.AbstractEventLoop, Opened] = WeakKeyDictionary()

    @wraps(open_client)
    def of_this_loop() -> Opened:
        loop = asyncio.get_running_loop()
        if loop not in opened:
            opened[loop] = open_client()
        return opened[loop]

    return of_this_loop


def open_redis(url: str, *, cluster: bool = False, **options: Any) -> Redis:
    """Return a client that waits for a free connection rather than fail, and reads text.

    An order whose fate is unknown is reported so, not created a second time behind its client's back: no call is sent
    again. The client of a `cluster` takes the same calls, as long as the keys of each lie in one hash slot.
    """
    settings: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "max_connections": MAX_CONNECTIONS,
        "timeout": TIMEOUT_S,
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        **options,
    }
    if cluster:
        return cast("Redis", AsyncCluster.from_url(url, **settings))
    pool = BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **settings)
    return AsyncSingle(connection_pool=pool)


@once_per_loop
def redis_client() -> Redis:
    """Return the client of REDIS_URL."""
    settings = read_settings(Settings)
    return open_redis(settings.redis_url, cluster=settings.redis_cluster, **redis_login(settings))


@once_per_loop
def replication() -> AsyncReplication:
    """Return what knows whether Redis' replicas have what was written."""
    return AsyncReplication(redis_client(), read_settings(Settings).redis_min_replicas)


@once_per_loop
def intake() -> Intake:
    """Return where orders come in."""
    settings = read_settings(IntakeSettings)
    limits = Limits(settings.max_lag, settings.max_in_flight, settings.max_memory, settings.max_resting)
    keep_s = max(1, round(settings.idempotency_hours * 3600))
    return Intake(redis_client(), settings.partitions, limits, replication(), keep_s, clients.venue().load)


@once_per_loop
def rate_limits() -> RateLimits:
    """Return where the requests of accounts are counted."""
    return RateLimits(redis_client())


@once_per_loop
def redis_health() -> RedisHealth:
    """Return what says whether Redis takes writes."""
    return RedisHealth(redis_client(), read_settings(Settings).partitions)


@cache
def quoting() -> AtOnce:
    """Return where quotes are made."""
    return AtOnce("MAX_QUOTES", read_settings(ReadSettings).max_quotes, QUOTE_THREADS)


@cache
def reads() -> AtOnce:
    """Return where orders are read."""
    return AtOnce("MAX_READS", read_settings(ReadSettings).max_reads, READ_THREADS)


@cache
def lookups() -> AtOnce:
    """Return where launched tokens are looked up: apart from reads, so that an order waits for none of them."""
    return AtOnce("MAX_READS", read_settings(ReadSettings).max_reads, LOOKUP_THREADS)


@cache
def changes() -> AtOnce:
    """Return where orders are changed."""
    return AtOnce("MAX_CHANGES", read_settings(ChangeSettings).max_changes, CHANGE_THREADS)


@cache
def tending() -> AtOnce:
    """Return where dead letters are listed, redriven and discarded."""
    return AtOnce("MAX_TENDED", MAX_TENDED, TENDING_THREADS)


@once_per_loop
def subscriptions() -> Subscriptions:
    """Return where sockets ask for orders."""
    return Subscriptions(redis_client(), read_settings(Settings).partitions)


@once_per_loop
def account_sockets() -> AccountSockets:
    """Return the sockets that each account has open."""
    return AccountSockets(redis_client())


@once_per_loop
def tickets() -> Tickets:
    """Return the tickets that open sockets."""
    return Tickets(redis_client())


@cache
def key_lookups() -> AtOnce:
    """Return where Postgres is asked about keys."""
    return AtOnce("MAX_KEY_LOOKUPS", MAX_KEY_LOOKUPS, KEY_THREADS)


@once_per_loop
def known_keys() -> KnownKeys:
    """Return the keys that requests come with."""
    return KnownKeys(
        ApiKeyCopies(redis_client()), lambda key_id: key_lookups().run(lambda: clients.api_keys().find(key_id))
    )


@once_per_loop
def channels() -> Channels:
    """Return where sockets ask for channels."""
    return Channels(redis_client(), read_settings(Settings).partitions, subscriptions())


@once_per_loop
def followers() -> Followers:
    """Return where sockets ask for reports."""
    return Followers(redis_client())
