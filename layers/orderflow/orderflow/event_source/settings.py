"""The settings of the event source's programs: EVENT_SOURCES, the Redis of all functions, and where Lambda is."""

from typing import Annotated

import msgspec
import redis

from orderflow.errors import ConfigurationError, RetryableError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.clients import open_redis, redis_login
from orderflow.runtime.settings import Settings


class Binding(EventSourceMapping, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping, and the name or the ARN by which Lambda knows its function."""

    function_name: str = msgspec.field(name="lambda")


class EventSourceSettings(Settings, frozen=True, kw_only=True):
    """What the programs read; `event_sources` is a JSON list of bindings, an empty `lambda_endpoint` means AWS."""

    event_sources: str = ""
    lambda_endpoint: str = ""
    health_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080

    @property
    def bindings(self) -> list[Binding]:
        """The bindings. Raises ConfigurationError when there are none, or they can't be read."""
        if not self.event_sources:
            raise ConfigurationError("EVENT_SOURCES is not set: which function reads which stream?")
        try:
            bindings = msgspec.json.decode(self.event_sources, type=list[Binding])
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ConfigurationError(f"EVENT_SOURCES can't be used: {error}") from error
        if len({(binding.stream, binding.function) for binding in bindings}) < max(len(bindings), 1):
            raise ConfigurationError("EVENT_SOURCES can't be used: it is empty, or binds a function to a stream twice")
        return bindings


def connect(settings: Settings, connections: int) -> redis.Redis:
    """Return a client of REDIS_URL for so many connections at once.

    Raises ConfigurationError when the URL can't be used, and RetryableError when a cluster can't be reached.
    """
    options = redis_login(settings) | {"max_connections": connections}
    try:
        return open_redis(settings.redis_url, cluster=settings.redis_cluster, **options)
    except ValueError:
        # The parser quotes what it could not read, which may be a part of the password.
        hint = "percent-encode what is special in its password"
        raise ConfigurationError(f"REDIS_URL is not a URL that can be used; {hint}") from None
    except redis.RedisError as error:
        raise RetryableError(f"Redis can't be reached: {error}") from error
