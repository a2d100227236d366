"""The settings of a function or process, read from environment variables of the same names in capitals."""

import os
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from orderflow.errors import ConfigurationError

Model = TypeVar("Model", bound="Settings")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every function reads."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    partitions: Annotated[int, msgspec.Meta(ge=1, le=16384)] = 4


class MarketSettings(Settings, frozen=True, kw_only=True):
    """Of the stages that trade: the market's seed, and the factor on its delays (1 = real time, 0 = none).

    `drop_rate` is the share of sendings that never land, `network_failure_rate` that of quotes that fail.
    """

    seed: int = 1
    speed: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    drop_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    network_failure_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class LedgerSettings(Settings, frozen=True, kw_only=True):
    """Of the functions that use Postgres: its URL, or the id of the secret that holds it (as `database_url`)."""

    database_url: str = ""
    database_secret_id: str = ""


class SocketSettings(Settings, frozen=True, kw_only=True):
    """Of the functions that send to WebSocket connections: the URL under which `/@connections` lies.

    `connections_api` says what is there: `aws` for API Gateway's management API, `local` for the local gateway.
    """

    connections_endpoint: str = ""
    connections_api: str = "aws"


def read_settings(model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """Return the settings of `model` found in `environment` (default: the process's own).

    An empty variable counts as not set. Raises ConfigurationError that names the variable and what it must be.
    """
    found = os.environ if environment is None else environment
    values = {name: found[name.upper()] for name in model.__struct_fields__ if found.get(name.upper())}
    try:
        return msgspec.convert(values, model, strict=False)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        raise ConfigurationError(f"{name.upper()}={values.get(name)!r} can't be used: {problem}") from error
