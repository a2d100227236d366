"""The settings of a function or process, read from environment variables of the same names in capitals."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from orderflow.errors import ConfigurationError

Model = TypeVar("Model", bound=msgspec.Struct)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every function reads.

    The login to Redis is in `redis_url`, or in the secret `redis_secret_id` (as `password`, and maybe `username`).
    With `redis_cluster` the URL names one node of a Redis Cluster, or its configuration endpoint. With
    `redis_min_replicas` nothing counts as kept before so many replicas have it.
    """

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_secret_id: str = ""
    redis_cluster: bool = False
    redis_min_replicas: Annotated[int, msgspec.Meta(ge=0)] = 0
    partitions: Annotated[int, msgspec.Meta(ge=1, le=16384)] = 4


class VenueSettings(Settings, frozen=True, kw_only=True):
    """Of the functions that trade, quote or watch how busy the venue is: the venue family (see orderflow.venues)."""

    venue: str = "mock"


class IntakeSettings(Settings, frozen=True, kw_only=True):
    """Of the function that accepts orders: how much may be under way before it refuses new ones.

    Of each partition at most `max_lag` records at one stage, `max_in_flight` orders on their way and `max_resting` that
    rest; of Redis' memory at most the share `max_memory`. A name that a client gave its order stands for it for
    `idempotency_hours`.
    """

    max_lag: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    max_in_flight: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    max_resting: Annotated[int, msgspec.Meta(ge=1)] = 250_000
    max_memory: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    idempotency_hours: Annotated[float, msgspec.Meta(gt=0, le=8760)] = 24.0


class ReadSettings(Settings, frozen=True, kw_only=True):
    """Of the function that answers reads: how many quotes, and how many reads of orders, it does or lets wait at once.

    Each environment counts for itself.
    """

    max_quotes: Annotated[int, msgspec.Meta(ge=1)] = 20
    max_reads: Annotated[int, msgspec.Meta(ge=1)] = 100


class FrontSettings(Settings, frozen=True, kw_only=True):
    """Of the function that authorizes: the secret by which it knows what has come through CloudFront, if that is used.

    The secret `front_secret_id` holds it as `secret`.
    """

    front_secret_id: str = ""


class DocsSettings(Settings, frozen=True, kw_only=True):
    """Of the function that describes the API: whether it does."""

    docs: bool = True


class DeskSettings(Settings, frozen=True, kw_only=True):
    """Of the function that serves the desk: whom the API lets in, and where the page opens its socket.

    `auth` is `keys` everywhere but on one's own machine. `socket_url` is a URL, or a path of the page's own host; empty
    is where the local gateway has it.
    """

    auth: Literal["open", "keys"] = "keys"
    socket_url: Annotated[str, msgspec.Meta(pattern="^((wss?:/)?/[^/\\s][^\\s;]*)?$")] = ""


class ChangeSettings(Settings, frozen=True, kw_only=True):
    """Of the function that changes orders: how many requests it works on, or lets wait, at once.

    Each environment counts for itself.
    """

    max_changes: Annotated[int, msgspec.Meta(ge=1)] = 100


class LedgerSettings(Settings, frozen=True, kw_only=True):
    """Of the functions that use Postgres: its URL.

    The secret `database_secret_id` holds the whole of it as `database_url`, or the login that it lacks.
    """

    database_url: str = ""
    database_secret_id: str = ""


class SocketSettings(Settings, frozen=True, kw_only=True):
    """Of the functions that send to WebSocket connections: the URL under which `/@connections` lies.

    `connections_api` says what is there: `aws` for API Gateway's management API, `local` for the local gateway, which
    asks for `connections_secret`.
    """

    connections_endpoint: str = ""
    connections_api: str = "aws"
    connections_secret: str = ""


class WatcherSettings(Settings, frozen=True, kw_only=True):
    """Of the function that publishes statuses: how many connections may watch one order, or one feed, at a time."""

    max_watchers: Annotated[int, msgspec.Meta(ge=1)] = 100


def read_settings(model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """Return the settings of `model` found in `environment` (default: the process's own).

    What the environment does not set is looked for among SSM's parameters below SETTINGS_PATH, where that is set. An
    empty variable counts as not set. Raises ConfigurationError that names the variable and what it must be, and
    RetryableError when the parameters can't be read.
    """
    found = os.environ if environment is None else environment
    stored = _parameters(found.get("SETTINGS_PATH"))
    given = {name: found.get(name.upper()) or stored.get(name.upper()) for name in model.__struct_fields__}
    values = {name: value for name, value in given.items() if value}
    try:
        return msgspec.convert(values, model, strict=False)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        problem += _choices(model, name)
        raise ConfigurationError(f"{name.upper()}={values.get(name)!r} can't be used: {problem}") from error


def _choices(model: type[msgspec.Struct], name: str) -> str:
    """Return what a setting may be, where that is one of some words."""
    hint = get_type_hints(model).get(name)
    words = [word for word in get_args(hint) if word] if get_origin(hint) is Literal else []
    return f"; it is {' or '.join(words)}" if words else ""


def _parameters(path: str | None) -> Mapping[str, str]:
    if not path:
        return {}
    # Imported only here: it takes longer than everything else that a stage imports.
    from orderflow.adapters.parameter_store import parameters_below

    return parameters_below(path)
