"""A server of this machine as a process: a command line in, a server that answers out; stopped in order.

Both Redis and Postgres are real servers out of wheels, run as processes that open no port unless they are given network
access. A server that REDIS_URL or DATABASE_URL names is only waited for.
"""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pg8000.native
import psutil
import redis

from local.errors import ServerError
from local.servers.server_programs import environment
from orderflow.errors import ConfigurationError

READY_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 5.0
POLL_S = 0.01
LOG_TAIL_LINES = 12
# In order first, then by force. SIGQUIT lets Postgres end its own children, which SIGKILL would leave behind.
STOP_SIGNALS = {
    "redis": (signal.SIGTERM, signal.SIGKILL),
    "postgres": (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
}
FORCE_TIMEOUT_S = 1.0


@dataclass
class Server:
    """A server that answers at `url`; `process` is None where it is not ours.

    `notice` is a sentence on its start for the person at the terminal, if there is anything to know.
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


def named_server(name: str, setting: str, url: str, ping: Callable[[str], None]) -> Server:
    """Return the server at `url`, which `setting` names, as soon as `ping` succeeds there.

    Raises ServerError when the URL can't be read or nothing answers within ANSWER_TIMEOUT_S.
    """
    try:
        where = f"{_address(url)} ({setting})"
        _wait_for_answer(url, ping, lambda: True, ANSWER_TIMEOUT_S)
    except (ValueError, TypeError, ConfigurationError):
        # The parsers quote what they could not read, which may be a part of the password.
        hint = "percent-encode what is special in its password"
        raise ServerError(f"{name}: {setting} is not a URL that can be used; {hint}") from None
    except (redis.RedisError, pg8000.native.Error, OSError) as error:
        raise ServerError(f"{name} does not answer at {where}: {_reason(error)}") from error
    return Server(name, url, None)


def start_server(name: str, home: Path, command: list[str], url: str, ping: Callable[[str], None]) -> Server:
    """Start `command` with its log in `home`/logs; return it as the server at `url` as soon as `ping` succeeds there.

    Raises ServerError, with the end of that log, when it ends or does not answer within READY_TIMEOUT_S.
    """
    log = home / "logs" / f"{name}.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as output:
        log_start = output.tell()  # codespell:ignore tell
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the runner, which stops the servers last
        )
    server = Server(name, url, process)
    try:
        _wait_for_answer(url, ping, lambda: process.poll() is None, READY_TIMEOUT_S)
    except (redis.RedisError, pg8000.native.Error, OSError) as error:
        server.stop()
        tail = "\n".join(log.read_bytes()[log_start:].decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        raise ServerError(f"{name} did not start at {_address(url)}: {_reason(error)}; {log} ends\n{tail}") from error
    except BaseException:
        server.stop()
        raise
    return server


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


def _reason(error: Exception) -> str:
    details = error.args[0] if error.args else None
    return str(details["M"]) if isinstance(details, dict) and "M" in details else str(error)


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.netloc.rpartition("@")[2]])[0]
    return host + parts.path


def stop_orphan(name: str, data: Path, *pid_files: Path) -> None:
    """End the server that a killed runner left on `data`, and remove process ids that other processes have by now."""
    for pid_file in pid_files:
        try:
            process = psutil.Process(int(pid_file.read_bytes().split()[0]))
            ours = str(data) in process.cmdline()
        except (psutil.ZombieProcess, psutil.AccessDenied):
            ours = False
        except (ValueError, IndexError):
            # Emptied by a power cut; Postgres would take it for the file of a server that is about to start.
            pid_file.unlink(missing_ok=True)
            continue
        except (OSError, psutil.NoSuchProcess):
            continue
        if ours:
            _end(process, name, ANSWER_TIMEOUT_S)
        else:
            # Postgres takes any process with that id for a Postgres on the same data, and would refuse to start.
            pid_file.unlink(missing_ok=True)


def _end(process: psutil.Process, name: str, timeout_s: float) -> None:
    for number in STOP_SIGNALS[name]:
        try:
            process.send_signal(number)
            deadline = time.monotonic() + timeout_s
            # Where no process reaps orphans, as in most containers, an ended one stays on as a zombie.
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_S)
            else:
                return
        except psutil.NoSuchProcess:
            return
        timeout_s = FORCE_TIMEOUT_S
