"""The outside systems of this process, each opened at its first use and kept for all later invocations."""

import json
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orderflow.adapters.ledger import Ledger
from orderflow.adapters.orders import Orders
from orderflow.adapters.router import Router
from orderflow.adapters.sockets import ApiGatewaySockets, LocalGatewaySockets, Sockets
from orderflow.adapters.venue import MockVenue
from orderflow.adapters.watchers import Watchers
from orderflow.errors import ConfigurationError
from orderflow.market.latency import Latency
from orderflow.runtime.settings import (
    LedgerSettings,
    MarketSettings,
    Settings,
    SocketSettings,
    read_settings,
)

REDIS_TIMEOUT_S = 5
MAX_REDIS_CONNECTIONS = 64


def open_redis(url: str, **options: Any) -> redis.Redis:
    """Return a client that waits for a free connection rather than fail, and reads text.

    A call that got no answer is not sent again by the client: whoever asked decides, for its effect may have happened.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        decode_responses=True,
        protocol=2,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        **{
            "max_connections": MAX_REDIS_CONNECTIONS,
            "socket_timeout": REDIS_TIMEOUT_S,
            "timeout": REDIS_TIMEOUT_S,
        }
        | options,
    )
    return redis.Redis(connection_pool=pool)


@cache
def redis_client() -> redis.Redis:
    """Return the client of REDIS_URL."""
    return open_redis(read_settings(Settings).redis_url)


@cache
def orders() -> Orders:
    """Return the orders in Redis."""
    return Orders(redis_client(), read_settings(Settings).partitions)


@cache
def venue() -> MockVenue:
    """Return the market."""
    return MockVenue(redis_client(), read_settings(MarketSettings).seed)


@cache
def latency() -> Latency:
    """Return the market's delays."""
    settings = read_settings(MarketSettings)
    return Latency(settings.seed, settings.speed, settings.drop_rate, settings.network_failure_rate)


@cache
def router() -> Router:
    """Return the router over the market."""
    return Router(venue(), latency())


@cache
def watchers() -> Watchers:
    """Return who watches which order."""
    return Watchers(redis_client())


@cache
def ledger() -> Ledger:
    """Return the ledger."""
    settings = read_settings(LedgerSettings)

    def connect() -> Any:
        from orderflow.adapters.postgres import connect

        return connect(_database_url(settings))

    return Ledger(connect)


@cache
def sockets() -> Sockets:
    """Return the clients' WebSocket connections."""
    settings = read_settings(SocketSettings)
    if not settings.connections_endpoint:
        raise ConfigurationError("CONNECTIONS_ENDPOINT is not set: where is /@connections?")
    if settings.connections_api == "local":
        return LocalGatewaySockets.at(settings.connections_endpoint)
    import boto3

    return ApiGatewaySockets(boto3.client("apigatewaymanagementapi", endpoint_url=settings.connections_endpoint))


def _database_url(settings: LedgerSettings) -> str:
    """Return the URL, asked for again at each connect: Powertools keeps a secret for a while and notices rotation."""
    if settings.database_url:
        return settings.database_url
    if not settings.database_secret_id:
        raise ConfigurationError("DATABASE_URL is not set, and neither is DATABASE_SECRET_ID")
    from aws_lambda_powertools.utilities import parameters

    secret = parameters.get_secret(settings.database_secret_id, max_age=300)
    return str(json.loads(secret)["database_url"])
