"""Finds the system that the bench and the acceptance suites run against, or starts one of its own."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import orjson
import psutil

from local.settings import home_at
from orderflow.errors import OrderflowError

COMMAND = ["-m", "local", "up"]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
INTERRUPTED = 130
"""Exit status of a command that Ctrl-C or SIGTERM ended."""


class StartError(OrderflowError):
    """The system that we started did not come up."""


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its address, and what its state.json tells of it when it runs on this machine."""

    url: str
    processes: Mapping[str, int] = field(default_factory=dict)
    database_url: str | None = None
    speed: float | None = None


def find(base_url: str | None = None, home: Path | None = None) -> System | None:
    """Return the system at `base_url`, or the one that runs in `home`; None when neither is there.

    A base URL that is the one in `home`'s state.json gets its processes and its database too.
    """
    local = _read_state(home or default_home())
    if base_url is None:
        return local
    if local is not None and local.url == base_url:
        return local
    return System(base_url)


@contextmanager
def started(speed: float) -> Iterator[System]:
    """Start a system of our own with `python -m local up`, in a new home and on a free port; stop it after.

    Uses REDIS_URL and DATABASE_URL where they are set, like any other start. Raises StartError, with the last
    lines that the system wrote, when it does not get ready.
    """
    # A short path: the sockets of Redis and Postgres go below it, and theirs end at 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="orderflow-"))
    output = home / "up.log"
    settings = {
        "ORDERFLOW_HOME": str(home / "home"),
        "PORT": str(_free_port()),
        "SPEED": f"{speed:g}",
        "LOG_LEVEL": "WARNING",
    }
    try:
        with output.open("wb") as log, _stops_on_terminate():
            process = subprocess.Popen(
                [sys.executable, *COMMAND],
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is ours to pass on: the system stops after the measurement, not under it.
                start_new_session=True,
            )
            try:
                yield _wait_until_ready(process, home / "home", output)
            finally:
                _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def base_url_argument(url: str) -> str:
    """Return a command line's base URL without its last slash; raises argparse's error unless it is an HTTP URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"a base URL looks like http://127.0.0.1:3000, not {url!r}")
    return url.rstrip("/")


def default_home() -> Path:
    """Return ORDERFLOW_HOME, which is .orderflow in the repository unless it is set."""
    return home_at(os.environ.get("ORDERFLOW_HOME"))


def _read_state(home: Path) -> System | None:
    try:
        state = orjson.loads((home / "state.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not psutil.pid_exists(state["pid"]):
        return None  # it was killed before it could remove the file
    return System(state["url"], state.get("processes", {}), state.get("database_url"), state.get("speed"))


def _wait_until_ready(process: subprocess.Popen[bytes], home: Path, output: Path) -> System:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"the system stopped with status {process.returncode}:\n{_last_lines(output)}")
        system = _read_state(home)
        if system is not None:
            return system
        time.sleep(0.05)
    raise StartError(f"the system was not ready within {START_TIMEOUT_S:.0f} s:\n{_last_lines(output)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _stops_on_terminate() -> Iterator[None]:
    def interrupt(signal_number: int, frame: FrameType | None) -> None:
        # As Ctrl-C, which asyncio turns into an orderly end of what is running.
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _last_lines(output: Path, count: int = 20) -> str:
    return "\n".join(output.read_text(errors="replace").splitlines()[-count:])
