"""Starts the Redis of this machine: a home directory in, an answering Redis out."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.errors import ServerError
from local.servers.append_only import cut_unreadable_end
from local.servers.network_access import NetworkAccess
from local.servers.server_process import Server, named_server, start_server, stop_orphan
from local.servers.server_programs import redis_program
from local.servers.socket_directory import socket_directory

MAXMEMORY = "1gb"
REDIS_OPTIONS = (
    *("--unixsocketperm", "700", "--daemonize", "no", "--logfile", ""),
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    # append_only.py cuts off an end that can't be read, keeps a copy and says so; Redis would do neither.
    *("--aof-load-truncated", "no"),
    *("--maxmemory-policy", "noeviction"),
    *("--set-proc-title", "no"),  # an orphan is known by its command line
)


def start_redis(home: Path, url: str | None, access: NetworkAccess | None = None, maxmemory: str = MAXMEMORY) -> Server:
    """Return the Redis at `url`, or one started with its data in `home`/redis, as soon as it answers PING.

    Besides its socket it opens a port when `access` says which. It refuses writes beyond `maxmemory` (0: never).
    """
    if url:
        return named_server("redis", "REDIS_URL", url, _ping)
    home = home.resolve()
    data, socket = home / "redis", socket_directory(home) / "redis.sock"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    pid_file = data / "redis.pid"
    stop_orphan("redis", data, pid_file)
    place = ("--dir", str(data), "--unixsocket", str(socket), "--pidfile", str(pid_file), "--maxmemory", maxmemory)
    network = access.redis_options(home) if access else ()
    options = [*REDIS_OPTIONS, *(() if access else ("--port", "0"))]
    own_url = access.redis_url if access else f"unix://{quote(str(socket))}"
    command = [redis_program(), *network, *place, *options]
    try:
        return start_server("redis", home, command, own_url, _ping)
    except ServerError as error:
        if "append only file" not in str(error):
            raise
        notice = cut_unreadable_end(data / "appendonlydir", data / "damaged")
        if notice is None:
            tool = f'bash -c \'exec -a valkey-check-aof "{command[0]}" "$0"\' FILE'
            raise ServerError(f"{error}\nThat tool is the server under another name: {tool}") from error
    return replace(start_server("redis", home, command, own_url, _ping), notice=notice)


def _ping(url: str) -> None:
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()
