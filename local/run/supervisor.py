"""The processes that a run consists of, as its runner sees them: started, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from local.servers.backing import Backing
from orderflow.errors import OrderflowError

STOP_TIMEOUT_S = 3.0
WATCH_S = 0.1
RESTART_S = (0.1, 0.5, 1.0, 2.0, 4.0)
HEALTHY_S = 30.0
"""A child that has lived this long begins again with the shortest wait when it dies."""


class Child(Protocol):
    """A process that is started again when it dies."""

    name: str

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is not ours to watch."""

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""

    def start(self) -> None:
        """Start it (again)."""

    def stop(self, timeout_s: float) -> None:
        """End it in order, or by force after the time-out."""


class PythonChild:
    """A Python module run as a process of its own. It ends when its runner does, by the end of its standard input."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._keep_open = keep_open
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
            pass_fds=self._keep_open,
            # Ctrl-C is for the runner, which then stops its children in order.
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


class BackingChild:
    """An embedded server as a child that is started again when it dies."""

    def __init__(self, name: str, start: Callable[[], Backing]) -> None:
        self.name = name
        self._start = start
        self._backing: Backing | None = None

    @property
    def url(self) -> str:
        """The URL at which it answers."""
        return self._backing.url if self._backing else ""

    @property
    def pid(self) -> int | None:
        return self._backing.process.pid if self._backing and self._backing.process else None

    def poll(self) -> int | None:
        return self._backing.process.poll() if self._backing and self._backing.process else None

    def start(self) -> None:
        self._backing = self._start()
        if self._backing.notice:
            say(f"orderflow: {self._backing.notice}")

    def stop(self, timeout_s: float) -> None:
        if self._backing:
            self._backing.stop(timeout_s)


class Watch:
    """Starts children again when they die, each time a little later."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._deaths: dict[str, int] = {}
        self._started_at = {child.name: time.monotonic() for child in children}
        self._due: dict[str, float] = {}

    def check(self) -> list[str]:
        """Look at every child once; return what a person should know of it."""
        news = []
        now = time.monotonic()
        for child in self._children:
            if child.name in self._due:
                if now >= self._due[child.name]:
                    news.append(self._start(child))
            elif (status := child.poll()) is not None:
                if now - self._started_at[child.name] > HEALTHY_S:
                    self._deaths[child.name] = 0
                news.append(f"{child.name} {_ending(status)}; starting it again in {self._wait(child):g} s")
        return news

    def _start(self, child: Child) -> str:
        del self._due[child.name]
        try:
            child.start()
        except (OrderflowError, OSError) as error:
            # What it needs may be away for now: a full disk, for one. The others can go on meanwhile.
            return f"{child.name} can't be started: {error}\ntrying again in {self._wait(child):g} s"
        self._started_at[child.name] = time.monotonic()
        return f"{child.name} runs again (pid {child.pid})"

    def _wait(self, child: Child) -> float:
        deaths = self._deaths.get(child.name, 0)
        self._deaths[child.name] = deaths + 1
        wait_s = RESTART_S[min(deaths, len(RESTART_S) - 1)]
        self._due[child.name] = time.monotonic() + wait_s
        return wait_s


def watch_over(children: Sequence[Child], stop: threading.Event, changed: Callable[[], None] = lambda: None) -> None:
    """Start children again when they die, and say so, until `stop` is set; call `changed` at first and each time."""
    watch = Watch(children)
    changed()
    while not stop.wait(WATCH_S):
        if news := watch.check():
            for line in news:
                say(f"orderflow: {line}")
            try:
                changed()
            except OSError as error:
                # A full disk, for one: no reason to end what still runs.
                say(f"orderflow: can't write down what runs here: {error}")


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, flush=True)


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
