"""Starts the Redis and the Postgres of this machine: a home directory in, two answering servers out.

Both are real servers out of wheels, run as children that open no port unless told to. REDIS_URL and DATABASE_URL name
others.
"""

import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pg8000.native
import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.servers.append_only import cut_unreadable_end
from local.servers.listening import Listening
from local.servers.plain_role import PLAIN_ROLE
from local.servers.server_programs import BackingError, environment, postgres_programs, redis_program
from orderflow.adapters.postgres import connect
from orderflow.errors import ConfigurationError

__all__ = ["Backing", "BackingError", "socket_directory", "start_postgres", "start_redis"]

READY_TIMEOUT_S = 30.0
MAXMEMORY = "1gb"
ANSWER_TIMEOUT_S = 5.0
POLL_S = 0.01
LONGEST_SOCKET_PATH = 100  # the kernels take 107 bytes on Linux and 103 on macOS
POSTGRES_SOCKET = ".s.PGSQL.5432"
LOG_TAIL_LINES = 12
# In order first, then by force. SIGQUIT lets Postgres end its own children, which SIGKILL would leave behind.
STOP_SIGNALS = {
    "redis": (signal.SIGTERM, signal.SIGKILL),
    "postgres": (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
}
FORCE_TIMEOUT_S = 1.0
REDIS_OPTIONS = (
    *("--unixsocketperm", "700", "--daemonize", "no", "--logfile", ""),
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    # An end that can't be read is cut off here, not there: with a copy, and not without a word.
    *("--aof-load-truncated", "no"),
    *("--maxmemory-policy", "noeviction"),
    *("--set-proc-title", "no"),  # an orphan is known by its command line
)
POSTGRES_OPTIONS = (
    *("-c", "listen_addresses=", "-c", "port=5432", "-c", "unix_socket_permissions=0700"),
    *("-c", "max_connections=50", "-c", "shared_buffers=128MB", "-c", "jit=off"),
    *("-c", "synchronous_commit=on", "-c", "timezone=UTC", "-c", "log_timezone=UTC"),
)


@dataclass
class Backing:
    """A server that answers at `url`; `process` is None where it is not ours.

    `notice` is what a person should know of its start, if anything.
    """

    name: str
    url: str
    process: subprocess.Popen[bytes] | None
    notice: str | None = None

    def stop(self, timeout_s: float = 3.0) -> None:
        """Stop the server if it is ours: in order within `timeout_s`, else by force. Stopping again does nothing."""
        if self.process is not None and self.process.poll() is None:
            _end(psutil.Process(self.process.pid), self.name, timeout_s)
            self.process.wait()


def start_redis(home: Path, url: str | None, listening: Listening | None = None, maxmemory: str = MAXMEMORY) -> Backing:
    """Return the Redis at `url`, or one started with its data in `home`/redis, as soon as it answers PING.

    Besides its socket it opens a port when `listening` says which. It refuses writes beyond `maxmemory` (0: never).
    """
    if url:
        return _given("redis", "REDIS_URL", url, _ping_redis)
    home = home.resolve()
    data, socket = home / "redis", socket_directory(home) / "redis.sock"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    pid_file = data / "redis.pid"
    _stop_orphan("redis", data, pid_file)
    place = ("--dir", str(data), "--unixsocket", str(socket), "--pidfile", str(pid_file), "--maxmemory", maxmemory)
    network = listening.redis_options(home) if listening else ()
    options = [*REDIS_OPTIONS, *(() if listening else ("--port", "0"))]
    own_url = listening.redis_url if listening else f"unix://{quote(str(socket))}"
    command = [redis_program(), *network, *place, *options]
    try:
        return _start("redis", home, command, own_url, _ping_redis)
    except BackingError as error:
        if "append only file" not in str(error):
            raise
        notice = cut_unreadable_end(data / "appendonlydir", data / "damaged")
        if notice is None:
            tool = f'bash -c \'exec -a valkey-check-aof "{command[0]}" "$0"\' FILE'
            raise BackingError(f"{error}\nThat tool is the server under another name: {tool}") from error
    return replace(_start("redis", home, command, own_url, _ping_redis), notice=notice)


def start_postgres(home: Path, url: str | None, listening: Listening | None = None) -> Backing:
    """Return the Postgres at `url`, or one started with its data in `home`/postgres, as soon as it answers.

    Besides its socket it opens a port when `listening` says which. Postgres refuses to be root; root runs it under
    another user id.
    """
    if url:
        return _given("postgres", "DATABASE_URL", url, _ping_postgres)
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    data, sockets = home / "postgres", socket_directory(home)
    port = listening.port if listening else 5432
    _stop_orphan("postgres", data, data / "postmaster.pid", sockets / f".s.PGSQL.{port}.lock")
    programs = postgres_programs(home)
    if not (data / "PG_VERSION").exists():
        programs.make_data(data)
    programs.own(data)
    # A list, in which a comma parts two directories.
    listed = str(sockets).replace('"', '""')
    place = ("-D", str(data), "-c", f'unix_socket_directories="{listed}"')
    programs.write_rules(data, PLAIN_ROLE if listening else None)
    (home / "pg_hba.conf").unlink(missing_ok=True)  # of a version that had its rules there
    network = listening.postgres_options if listening else ()
    command = programs.command("postgres", *place, *POSTGRES_OPTIONS, *network)
    url = f"postgresql://orderflow@/orderflow?host={quote(str(sockets))}&port={port}"
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            backing = _start("postgres", home, command, url, listening.admit if listening else _ping_postgres)
        except BackingError as error:
            # What a killed Postgres leaves of its children holds the data until their statements are done.
            if "pre-existing shared memory block" not in str(error) or time.monotonic() > deadline:
                raise
        else:
            return replace(backing, url=listening.postgres_url) if listening else backing
        time.sleep(POLL_S)


def socket_directory(home: Path) -> Path:
    """Return the directory of the sockets, made if need be: `home`/run, or a short one where that is too long."""
    short = f"orderflow-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    places = [home / "run", Path(tempfile.gettempdir(), short), Path("/tmp", short)]  # noqa: S108 - its owner is looked at
    directory = next(
        (each for each in places if len(os.fsencode(each / POSTGRES_SOCKET)) <= LONGEST_SOCKET_PATH), places[-1]
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise BackingError(f"{directory} belongs to another user; remove it, or choose another ORDERFLOW_HOME")
    directory.chmod(0o700)
    return directory


def _given(name: str, setting: str, url: str, ping: Callable[[str], None]) -> Backing:
    try:
        where = f"{_address(url)} ({setting})"
        _wait_for_answer(url, ping, lambda: True, ANSWER_TIMEOUT_S)
    except (ValueError, TypeError, ConfigurationError):
        # The parsers quote what they could not read, which may be a part of the password.
        hint = "percent-encode what is special in its password"
        raise BackingError(f"{name}: {setting} is not a URL that can be used; {hint}") from None
    except (redis.RedisError, pg8000.native.Error, OSError) as error:
        raise BackingError(f"{name} does not answer at {where}: {_reason(error)}") from error
    return Backing(name, url, None)


def _start(name: str, home: Path, command: list[str], url: str, ping: Callable[[str], None]) -> Backing:
    log = home / "logs" / f"{name}.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the runner, which stops the servers last
        )
    backing = Backing(name, url, process)
    try:
        _wait_for_answer(url, ping, lambda: process.poll() is None, READY_TIMEOUT_S)
    except (redis.RedisError, pg8000.native.Error, OSError) as error:
        backing.stop()
        tail = "\n".join(log.read_bytes()[log_start:].decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        raise BackingError(f"{name} did not start at {_address(url)}: {_reason(error)}; {log} ends\n{tail}") from error
    except BaseException:
        backing.stop()
        raise
    return backing


def _wait_for_answer(url: str, ping: Callable[[str], None], alive: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ping(url)
        except (redis.RedisError, pg8000.native.Error, OSError) as error:
            if not (_may_pass(error) and alive() and time.monotonic() < deadline):
                raise
        time.sleep(POLL_S)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, redis.AuthenticationError):
        return False
    if isinstance(error, pg8000.native.DatabaseError):
        return bool(error.args[0].get("C") == "57P03")  # cannot_connect_now: starting up or recovering
    return isinstance(error, (redis.ConnectionError, redis.TimeoutError, pg8000.native.InterfaceError, OSError))


def _ping_redis(url: str) -> None:
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()


def _ping_postgres(url: str) -> None:
    with closing(connect(url)) as connection:
        connection.run("SELECT 1")


def _reason(error: Exception) -> str:
    details = error.args[0] if error.args else None
    return str(details["M"]) if isinstance(details, dict) and "M" in details else str(error)


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.netloc.rpartition("@")[2]])[0]
    return host + parts.path


def _stop_orphan(name: str, data: Path, *pid_files: Path) -> None:
    """End the server that a killed runner left on `data`, and forget process numbers that others bear by now."""
    for pid_file in pid_files:
        try:
            process = psutil.Process(int(pid_file.read_bytes().split()[0]))
            ours = str(data) in process.cmdline()
        except (psutil.ZombieProcess, psutil.AccessDenied):
            ours = False
        except (ValueError, IndexError):
            # Emptied by a power cut; Postgres would take it for that of a server that is about to start.
            pid_file.unlink(missing_ok=True)
            continue
        except (OSError, psutil.NoSuchProcess):
            continue
        if ours:
            _end(process, name, ANSWER_TIMEOUT_S)
        else:
            # Postgres takes any process of that number for its twin and would refuse to start.
            pid_file.unlink(missing_ok=True)


def _end(process: psutil.Process, name: str, timeout_s: float) -> None:
    for number in STOP_SIGNALS[name]:
        try:
            process.send_signal(number)
            deadline = time.monotonic() + timeout_s
            # Where nobody collects orphans, as in most containers, an ended one stays on as a zombie.
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_S)
            else:
                return
        except psutil.NoSuchProcess:
            return
        timeout_s = FORCE_TIMEOUT_S
