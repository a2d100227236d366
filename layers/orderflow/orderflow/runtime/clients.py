"""The outside systems of this process, each opened at its first use and kept for all later invocations.

An adapter is imported when it is opened: a function that starts cold waits for its own only.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orderflow.adapters.books import Books
from orderflow.adapters.orders import Orders
from orderflow.adapters.partition_count import hold_partition_count
from orderflow.adapters.redis_cluster import Cluster
from orderflow.adapters.replication import Replication
from orderflow.domain.venue import Venue
from orderflow.errors import ConfigurationError
from orderflow.runtime.settings import (
    LedgerSettings,
    Settings,
    SocketSettings,
    VenueSettings,
    WatcherSettings,
    read_settings,
)
from orderflow.venues import Resources, open_venue

if TYPE_CHECKING:
    from orderflow.adapters.api_keys import ApiKeys
    from orderflow.adapters.dead_letters import DeadLetters
    from orderflow.adapters.engine_state import EngineState
    from orderflow.adapters.feeds import Feeds
    from orderflow.adapters.ledger import Ledger
    from orderflow.adapters.reports import Reports
    from orderflow.adapters.sockets import Sockets
    from orderflow.adapters.tallies import Tallies
    from orderflow.adapters.watchers import Watchers

REDIS_TIMEOUT_S = 5
MAX_REDIS_CONNECTIONS = 64


def open_redis(url: str, *, cluster: bool = False, **options: Any) -> redis.Redis:
    """Return a client that waits for a free connection rather than fail, and reads text.

    A call that got no answer is not sent again by the client, for it may have had its effect: the caller decides.
    The client of a `cluster` takes the same calls, as long as the keys of each lie in one hash slot.
    """
    settings = {
        "decode_responses": True,
        "protocol": 2,
        "max_connections": MAX_REDIS_CONNECTIONS,
        "timeout": REDIS_TIMEOUT_S,
        "socket_timeout": REDIS_TIMEOUT_S,
        "socket_connect_timeout": REDIS_TIMEOUT_S,
        **options,
    }
    if cluster:
        return cast("redis.Redis", Cluster.open(url, **settings))
    pool = redis.BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **settings)
    return redis.Redis(connection_pool=pool)


@cache
def redis_client() -> redis.Redis:
    """Return the client of REDIS_URL."""
    settings = read_settings(Settings)
    return open_redis(settings.redis_url, cluster=settings.redis_cluster, **redis_login(settings))


def redis_login(settings: Settings) -> dict[str, Any]:
    """Return the options of a client that takes its login from the secret REDIS_SECRET_ID, if there is one."""
    if not settings.redis_secret_id:
        return {}
    # Imported only here: it takes longer than everything else that a stage imports.
    from orderflow.adapters.secrets import RedisLogin

    return {"credential_provider": RedisLogin(settings.redis_secret_id)}


@cache
def replication() -> Replication:
    """Return the replicas of Redis, to wait for."""
    return Replication(redis_client(), read_settings(Settings).redis_min_replicas)


@cache
def orders() -> Orders:
    """Return the orders in Redis. Raises ConfigurationError when they lie in another number of partitions."""
    partitions = read_settings(Settings).partitions
    hold_partition_count(redis_client(), partitions)
    return Orders(redis_client(), partitions)


@cache
def books() -> Books:
    """Return the orders in Redis that rest."""
    return Books(redis_client(), orders().partitions)


@cache
def venue() -> Venue:
    """Return the venue family that VENUE names."""
    resources = Resources(read_settings, redis_client, replication)
    return open_venue(read_settings(VenueSettings).venue, resources)


@cache
def watchers() -> "Watchers":
    """Return who watches which order."""
    from orderflow.adapters.watchers import Watchers

    return Watchers(redis_client(), read_settings(WatcherSettings).max_watchers)


@cache
def dead_letters() -> "DeadLetters":
    """Return the records that were given up."""
    from orderflow.adapters.dead_letters import DeadLetters
    from orderflow.adapters.keys import all_partitions

    return DeadLetters(redis_client(), all_partitions(orders().partitions))


@cache
def feeds() -> "Feeds":
    """Return the accounts' feeds, and who subscribes to them."""
    from orderflow.adapters.feeds import Feeds

    max_watchers = read_settings(WatcherSettings).max_watchers
    return Feeds(redis_client(), orders().partitions, replication(), max_watchers)


@cache
def reports() -> "Reports":
    """Return the channels of reports."""
    from orderflow.adapters.reports import Reports

    return Reports(redis_client())


@cache
def engine_state() -> "EngineState":
    """Return what says how much is under way."""
    from orderflow.adapters.engine_state import EngineState

    return EngineState(redis_client())


@cache
def tallies() -> "Tallies":
    """Return where it is counted what the engine does."""
    from orderflow.adapters.tallies import Tallies

    return Tallies(redis_client())


@cache
def ledger() -> "Ledger":
    """Return the ledger."""
    from orderflow.adapters.ledger import Ledger
    from orderflow.adapters.postgres import log_in

    return Ledger(lambda: log_in(database_url))


@cache
def api_keys() -> "ApiKeys":
    """Return the record of API keys; with connections of its own, since no request gets in while it waits for one."""
    from orderflow.adapters.api_keys import ApiKeys
    from orderflow.adapters.postgres import log_in

    return ApiKeys(lambda: log_in(database_url))


@cache
def sockets() -> "Sockets":
    """Return the clients' WebSocket connections."""
    from orderflow.adapters.sockets import AT_ONCE, ApiGatewaySockets, LocalGatewaySockets, with_secret

    settings = read_settings(SocketSettings)
    if not settings.connections_endpoint:
        raise ConfigurationError("CONNECTIONS_ENDPOINT is not set: where is /@connections?")
    if settings.connections_api == "local":
        return LocalGatewaySockets.at(settings.connections_endpoint, settings.connections_secret)
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=AT_ONCE)
    endpoint = settings.connections_endpoint
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)
    if settings.connections_secret:
        with_secret(client, settings.connections_secret)
    return ApiGatewaySockets(client)


def database_url(*, anew: bool = False) -> str:
    """Return the URL of the ledger, its login from the secret where DATABASE_URL has none.

    The secret is read again after a while, or `anew`. Raises ConfigurationError when nothing names the ledger, and
    RetryableError when the secret can't be read.
    """
    settings = read_settings(LedgerSettings)
    if not settings.database_secret_id or urlsplit(settings.database_url).username:
        if not settings.database_url:
            raise ConfigurationError("DATABASE_URL is not set, and neither is DATABASE_SECRET_ID")
        return settings.database_url
    from orderflow.adapters import secrets

    return secrets.database_url(secrets.read_secret(settings.database_secret_id, anew=anew), settings.database_url)
