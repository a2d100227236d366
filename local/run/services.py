"""`python -m local services`: this machine's Redis and Postgres on ports that containers reach, as SAM's are."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path

from local.run.listeners import listen
from local.run.locks import lock_home
from local.run.shared_secret import CONNECTIONS, POSTGRES, REDIS, shared_secret
from local.run.supervisor import STOP_TIMEOUT_S, SupervisedServer, say, supervise
from local.servers.network_access import NetworkAccess, addresses_for_containers
from local.servers.postgres_server import start_postgres
from local.servers.redis_server import start_redis
from local.settings import LocalSettings
from orderflow.migrate import migrate
from orderflow.runtime.stopping import stop_on


def redis_access(settings: LocalSettings) -> NetworkAccess:
    """Return how the Redis of `settings` is reached."""
    password = shared_secret(services_home(settings) / REDIS)
    return NetworkAccess(addresses_for_containers(), settings.redis_port, password)


def postgres_access(settings: LocalSettings) -> NetworkAccess:
    """Return how the Postgres of `settings` is reached."""
    password = shared_secret(services_home(settings) / POSTGRES)
    return NetworkAccess(addresses_for_containers(), settings.postgres_port, password)


def run(settings: LocalSettings) -> int:
    """Run both servers, the ledger migrated, until Ctrl-C or SIGTERM; return the exit status."""
    stop = stop_on(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    started = time.monotonic()
    home = services_home(settings)
    with ExitStack() as stack:
        beside = "make services REDIS_PORT=6380 POSTGRES_PORT=5433 ORDERFLOW_HOME=/tmp/orderflow-2"
        stack.enter_context(lock_home(home, f"ports {settings.redis_port} and {settings.postgres_port}", beside))
        shared_secret(home / CONNECTIONS)  # for the programs that are started after this, in whatever order
        servers = _start(home, settings, stack)
        say(_what_to_do(settings, time.monotonic() - started))
        supervise(servers, stop)
    return 0


def services_home(settings: LocalSettings) -> Path:
    """Return where these servers keep their data: a run of the whole system must be able to go on beside them."""
    return settings.home / "services"


def _start(home: Path, settings: LocalSettings, stack: ExitStack) -> list[SupervisedServer]:
    """Start both in order; `stack` stops them in the opposite order."""
    for name, access in (("REDIS_PORT", redis_access(settings)), ("POSTGRES_PORT", postgres_access(settings))):
        for address in access.addresses:
            listen(address, access.port, f"make services {name}={access.port + 1}").close()
    stack.callback(say, "Stopped. What they hold is kept.")
    redis = SupervisedServer("redis", lambda: start_redis(home, None, redis_access(settings), settings.redis_maxmemory))
    postgres = SupervisedServer("postgres", lambda: start_postgres(home, None, postgres_access(settings)))
    for server in (redis, postgres):
        say(f"Starting {server.name} …")
        stack.callback(server.stop, STOP_TIMEOUT_S)
        server.start()
    say("Migrating the ledger …")
    if notice := migrate(postgres.url):
        say(notice)
    return [redis, postgres]


def _what_to_do(settings: LocalSettings, seconds: float) -> str:
    redis, postgres = redis_access(settings), postgres_access(settings)
    bridged = "and its containers" if len(redis.addresses) > 1 else "only: it has no docker bridge"
    return f"""
Redis and Postgres are ready after {seconds:.1f} s, for this machine {bridged} ({", ".join(redis.addresses)})

  REDIS_URL={redis.redis_url}
  DATABASE_URL={postgres.postgres_url}

Ctrl-C stops them.
"""
