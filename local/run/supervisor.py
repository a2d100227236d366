"""The processes that a run consists of, as its runner sees them: started, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from local.servers.server_process import Server
from orderflow.errors import OrderflowError

STOP_TIMEOUT_S = 3.0
CHECK_INTERVAL_S = 0.1
RESTART_DELAYS_S = (0.1, 0.5, 1.0, 2.0, 4.0)
HEALTHY_S = 30.0
"""A process that has lived this long begins again with the shortest delay when it dies."""


class SupervisedProcess(Protocol):
    """A process that is started again when it dies."""

    name: str

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is not ours to supervise."""

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""

    def start(self) -> None:
        """Start it (again)."""

    def stop(self, timeout_s: float) -> None:
        """End it in order, or by force after the time-out."""


class PythonProcess:
    """A Python module run as a process of its own. It ends when its runner does, by the end of its standard input."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        inherited_files: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._inherited_files = inherited_files
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        return self._process.poll() if self._process else None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._arguments],
            stdin=subprocess.PIPE,
            env={**os.environ, **self._environment},
            pass_fds=self._inherited_files,
            # Ctrl-C is for the runner, which then stops its processes in order.
            start_new_session=True,
        )

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def stop(self, timeout_s: float) -> None:
        self.terminate()
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class SupervisedServer:
    """An embedded server, or one that a URL names: `start` returns it once it answers."""

    def __init__(self, name: str, start: Callable[[], Server]) -> None:
        self.name = name
        self._start = start
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The URL at which it answers."""
        return self._server.url if self._server else ""

    @property
    def pid(self) -> int | None:
        return self._server.process.pid if self._server and self._server.process else None

    def poll(self) -> int | None:
        return self._server.process.poll() if self._server and self._server.process else None

    def start(self) -> None:
        self._server = self._start()
        if self._server.notice:
            say(f"orderflow: {self._server.notice}")

    def stop(self, timeout_s: float) -> None:
        if self._server:
            self._server.stop(timeout_s)


class Supervisor:
    """Starts processes again when they die, each time a little later."""

    def __init__(self, processes: Sequence[SupervisedProcess]) -> None:
        self._processes = processes
        self._deaths: dict[str, int] = {}
        self._started_at = {process.name: time.monotonic() for process in processes}
        self._restart_at: dict[str, float] = {}

    def check(self) -> list[str]:
        """Look at every process once; return what a person should know of it."""
        news = []
        now = time.monotonic()
        for process in self._processes:
            if process.name in self._restart_at:
                if now >= self._restart_at[process.name]:
                    news.append(self._start(process))
            elif (status := process.poll()) is not None:
                if now - self._started_at[process.name] > HEALTHY_S:
                    self._deaths[process.name] = 0
                news.append(f"{process.name} {_ending(status)}; starting it again in {self._delay(process):g} s")
        return news

    def _start(self, process: SupervisedProcess) -> str:
        del self._restart_at[process.name]
        try:
            process.start()
        except (OrderflowError, OSError) as error:
            # What it needs may be unavailable for now: space on a full disk, for one. The others can go on meanwhile.
            return f"{process.name} can't be started: {error}\ntrying again in {self._delay(process):g} s"
        self._started_at[process.name] = time.monotonic()
        return f"{process.name} runs again (pid {process.pid})"

    def _delay(self, process: SupervisedProcess) -> float:
        deaths = self._deaths.get(process.name, 0)
        self._deaths[process.name] = deaths + 1
        delay_s = RESTART_DELAYS_S[min(deaths, len(RESTART_DELAYS_S) - 1)]
        self._restart_at[process.name] = time.monotonic() + delay_s
        return delay_s


def supervise(
    processes: Sequence[SupervisedProcess], stop: threading.Event, changed: Callable[[], None] = lambda: None
) -> None:
    """Start processes again when they die, until `stop` is set; call `changed` at first and after each change."""
    supervisor = Supervisor(processes)
    changed()
    while not stop.wait(CHECK_INTERVAL_S):
        if news := supervisor.check():
            for line in news:
                say(f"orderflow: {line}")
            try:
                changed()
            except OSError as error:
                # A full disk, for one: no reason to end what still runs.
                say(f"orderflow: can't write down what runs here: {error}")


def say(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(text, flush=True)


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
