"""`python -m local keys`: the commands for API keys, on the stores of what runs here."""

import argparse
from typing import NamedTuple

from local.run.running_system import find
from local.run.services import postgres_access, redis_access, services_home
from local.run.shared_secret import POSTGRES, REDIS
from local.settings import LocalSettings, read_local_settings
from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.postgres import log_in
from orderflow.api_keys import arguments as command_line
from orderflow.api_keys import commands
from orderflow.errors import OrderflowError
from orderflow.runtime.clients import open_redis

ENVIRONMENT = "local"


class NoStoresError(OrderflowError):
    """There is neither a Postgres that keeps keys nor a Redis for their copies."""


class Stores(NamedTuple):
    """Where keys are."""

    database_url: str
    redis_url: str
    redis_cluster: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "The keys of the system that runs here, else of `make services`; or of DATABASE_URL and REDIS_URL."
    )
    command_line.add_arguments(parser, environment=ENVIRONMENT)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say and return the exit status. Raises NoStoresError when nothing runs here."""
    stores = stores_of(read_local_settings())

    def database_url(*, anew: bool = False) -> str:
        """Return the only one that there is, also when it is refused."""
        return stores.database_url

    keys = ApiKeys(lambda: log_in(database_url))
    return commands.run(arguments, keys, lambda: open_redis(stores.redis_url, cluster=stores.redis_cluster))


def stores_of(settings: LocalSettings) -> Stores:
    """Return the stores that are set, those of the running system, or those of `services`."""
    if settings.database_url and settings.redis_url:
        return Stores(settings.database_url, settings.redis_url, settings.redis_cluster)
    found = _found(settings)
    if found is None:
        raise NoStoresError(
            "nothing runs here; start it (make run or make services), or set DATABASE_URL and REDIS_URL"
        )
    return Stores(
        settings.database_url or found.database_url,
        settings.redis_url or found.redis_url,
        settings.redis_cluster and bool(settings.redis_url),
    )


def _found(settings: LocalSettings) -> Stores | None:
    system = find(home=settings.home)
    if system is not None and system.database_url and system.redis_url:
        return Stores(system.database_url, system.redis_url)
    home = services_home(settings)
    if all((home / name).exists() for name in (REDIS, POSTGRES)):
        return Stores(postgres_access(settings).postgres_url, redis_access(settings).redis_url)
    return None
