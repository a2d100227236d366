"""Starts a system of our own for a measurement or a trial: settings in, a running system out, stopped at the end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

import orjson

from local.client.access import KEY_SETTING
from local.run.running_system import System, find
from local.settings import ROOT
from orderflow.errors import OrderflowError
from tests.support.ports import free_port
from tests.support.programs import Program

COMMAND = ["-m", "local", "up"]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
LAST_LINES = 20
AMPLE = (
    "--orders=1000000/s",
    "--changes=1000000/s",
    "--reads=1000000/s",
    "--named-orders-a-day=900000000",
    "--sockets=100000",
)
"""Of a key with which a system is measured: more than it can carry."""
ACCOUNT = "judge"
"""The account of that key: one of those that have indexes, limits and a field in Redis of their own, unlike `local`."""
LAUNCHES = {"LAUNCH_EVERY_SLOTS": "25"}
"""Settings with which the market of a system launches tokens, as often as it can."""

NO_MORE: Mapping[str, str] = MappingProxyType({})


class SystemNotReadyError(OrderflowError):
    """The system that was started for this does not work; the message has its last lines, or says what it lacks."""


class OwnSystem:
    """A `python -m local up` of our own in `directory`, on a free port; it can be stopped and started again.

    `directory` should have a short path: the sockets of Redis and Postgres go below it, and theirs end at 107 bytes.
    `own_servers` makes it ignore the REDIS_URL and DATABASE_URL of this process; those among `settings` count. Where it
    needs keys, one that `lends_key` has this process' clients use one. Its code is that of `tree`.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str],
        *,
        own_servers: bool = False,
        lends_key: bool = False,
        tree: Path = ROOT,
    ) -> None:
        self._lends_key = lends_key
        self._has_lent = False
        self.home = directory / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        others = ("REDIS_URL", "DATABASE_URL") if own_servers else ()
        self._environment = {name: value for name, value in os.environ.items() if name not in others}
        self.settings = {"ORDERFLOW_HOME": str(self.home), "PORT": str(self.port), "LOG_LEVEL": "WARNING", **settings}
        if tree != ROOT:
            self._environment["PYTHONPATH"] = os.pathsep.join([str(tree), str(tree / "layers" / "orderflow")])
        self._program = Program([sys.executable, *COMMAND], {}, directory / "up.log", directory=tree)

    @property
    def output(self) -> Path:
        """The file that has all that it wrote."""
        return self._program.output

    @property
    def last_lines(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])

    @property
    def state(self) -> dict[str, Any]:
        """What it says of itself in state.json; empty while it does not run."""
        try:
            state: dict[str, Any] = orjson.loads((self.home / "state.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return state

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._program.is_running

    def pid(self, name: str) -> int:
        """Return the process id of one of its processes. Raises KeyError while there is none."""
        return int(self.state["processes"][name])

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it and return at once."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        self._program.environment = self._environment | self.settings
        return self._program.start()

    def start(self) -> System:
        """Start it and return when it is ready. Raises SystemNotReadyError, with its last lines, when it never is."""
        process = self.launch()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SystemNotReadyError(f"the system stopped with status {process.returncode}:\n{self.last_lines}")
            system = find(home=self.home)
            # What a killed run left of itself is not the new one's.
            if system is not None and self.state.get("pid") == process.pid:
                self._lend_key()
                return system
            time.sleep(POLL_S)
        raise SystemNotReadyError(f"the system was not ready within {START_TIMEOUT_S:.0f} s:\n{self.last_lines}")

    def add_key(self, *arguments: str) -> str:
        """Return a new key of the system, which runs; `arguments` are those of `keys add`."""
        return self.keys("add", *arguments).strip()

    def keys(self, *words: str) -> str:
        """Run the command for keys on the system, which runs, and return what that prints."""
        command = [sys.executable, "-m", "local", "keys", *words]
        environment = self._environment | self.settings
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemNotReadyError(f"the command for keys failed:\n{done.stderr}")
        return done.stdout

    def _lend_key(self) -> None:
        """Have the clients of this process use a key of the system, where it needs one and there is none yet."""
        if self._lends_key and not self._has_lent and (self._environment | self.settings).get("AUTH") == "keys":
            os.environ[KEY_SETTING] = self.add_key(*AMPLE, "--permissions=read,trade,market", f"--account={ACCOUNT}")
            self._has_lent = True

    def exit_status(self) -> int | None:
        """Return the exit status of a run that has ended, or None."""
        return self._program.process.poll() if self._program.process else None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in order by a signal and return its exit status: -9 where it did not end in time and was killed."""
        try:
            return self._program.stop(number, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL


@contextmanager
def own_system(settings: Mapping[str, str], *, own_servers: bool = False, tree: Path = ROOT) -> Iterator[OwnSystem]:
    """Lend a system of our own that is not started yet (see OwnSystem); stop it after, and remove its files."""
    with tempfile.TemporaryDirectory(prefix="orderflow-", ignore_cleanup_errors=True) as directory:
        system = OwnSystem(Path(directory), settings, own_servers=own_servers, lends_key=True, tree=tree)
        with _stops_on_terminate(), _key_kept():
            try:
                yield system
            finally:
                if system.is_running:
                    system.stop()


@contextmanager
def started(speed: float, tree: Path = ROOT, settings: Mapping[str, str] = NO_MORE) -> Iterator[System]:
    """Start a system of our own with `python -m local up`, in a new home and on a free port; stop it after.

    Uses REDIS_URL and DATABASE_URL where they are set, like any other start. Raises SystemNotReadyError, with the last
    lines that the system wrote, when it does not get ready.
    """
    with own_system({"SPEED": f"{speed:g}", **settings}, tree=tree) as system:
        yield system.start()


def shared_servers() -> str:
    """Say what a started system shares with others, and so leaves its orders in; empty when it is nothing."""
    names = [name for name in ("REDIS_URL", "DATABASE_URL") if os.environ.get(name)]
    return f"It uses {' and '.join(names)}, where the orders stay." if names else ""


@contextmanager
def _key_kept() -> Iterator[None]:
    """Give the clients of this process their key back at the end."""
    before = os.environ.get(KEY_SETTING)
    try:
        yield
    finally:
        os.environ.pop(KEY_SETTING, None)
        if before is not None:
            os.environ[KEY_SETTING] = before


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
