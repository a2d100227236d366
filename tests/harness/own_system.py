"""Starts a system of our own for a measurement or a trial: settings in, a running system out, stopped at the end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import orjson

from local.run.running_system import System, find
from orderflow.errors import OrderflowError

COMMAND = ["-m", "local", "up"]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0


class SystemNotReadyError(OrderflowError):
    """The system that was started for this does not work; the message has its last lines, or says what it lacks."""


class OwnSystem:
    """A `python -m local up` of our own in `directory`, on a free port; it can be stopped and started again.

    `directory` should have a short path: the sockets of Redis and Postgres go below it, and theirs end at 107 bytes.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str], *, own_servers: bool = False) -> None:
        self.home = directory / "home"
        self.output = directory / "up.log"
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        others = ("REDIS_URL", "DATABASE_URL") if own_servers else ()
        self._environment = {name: value for name, value in os.environ.items() if name not in others}
        self.settings = {"ORDERFLOW_HOME": str(self.home), "PORT": str(port), "LOG_LEVEL": "WARNING", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What it says of itself in state.json; empty while it does not run."""
        try:
            state: dict[str, Any] = orjson.loads((self.home / "state.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return state

    def start(self) -> System:
        """Return when it is ready. Raises SystemNotReadyError, with its last lines, when it does not get there."""
        with self.output.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *COMMAND],
                env=self._environment | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is ours to pass on: the system stops after the measurement, not under it.
                start_new_session=True,
            )
        return self._wait_until_ready(self._process)

    def poll(self) -> int | None:
        """Return the exit status of a run that has ended, or None."""
        return self._process.poll() if self._process else None

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it in order by a signal, or by force when it does not end in time."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> System:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SystemNotReadyError(
                    f"the system stopped with status {process.returncode}:\n{_last_lines(self.output)}"
                )
            system = find(home=self.home)
            # What a killed run left of itself is not the new one's.
            if system is not None and self.state.get("pid") == process.pid:
                return system
            time.sleep(0.05)
        raise SystemNotReadyError(
            f"the system was not ready within {START_TIMEOUT_S:.0f} s:\n{_last_lines(self.output)}"
        )


@contextmanager
def own_system(settings: Mapping[str, str], *, own_servers: bool = False) -> Iterator[OwnSystem]:
    """Lend a system of our own that is not started yet; stop it after, and remove what it kept.

    `own_servers` makes it ignore REDIS_URL and DATABASE_URL.
    """
    with tempfile.TemporaryDirectory(prefix="orderflow-", ignore_cleanup_errors=True) as directory:
        system = OwnSystem(Path(directory), settings, own_servers=own_servers)
        with _stops_on_terminate():
            try:
                yield system
            finally:
                system.stop()


@contextmanager
def started(speed: float) -> Iterator[System]:
    """Start a system of our own with `python -m local up`, in a new home and on a free port; stop it after.

    Uses REDIS_URL and DATABASE_URL where they are set, like any other start. Raises SystemNotReadyError, with the last
    lines that the system wrote, when it does not get ready.
    """
    with own_system({"SPEED": f"{speed:g}"}) as system:
        yield system.start()


def shared_servers() -> str:
    """Say what a started system shares with others, and so leaves its orders in; empty when it is nothing."""
    names = [name for name in ("REDIS_URL", "DATABASE_URL") if os.environ.get(name)]
    return f"It uses {' and '.join(names)}, where the orders stay." if names else ""


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
    return "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
