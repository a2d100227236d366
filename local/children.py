"""The processes that a run consists of, as its runner sees them: started, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from local.backing import Backing

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
                    del self._due[child.name]
                    child.start()
                    self._started_at[child.name] = time.monotonic()
                    news.append(f"{child.name} runs again (pid {child.pid})")
            elif (status := child.poll()) is not None:
                deaths = 0 if now - self._started_at[child.name] > HEALTHY_S else self._deaths.get(child.name, 0)
                wait_s = RESTART_S[min(deaths, len(RESTART_S) - 1)]
                self._deaths[child.name] = deaths + 1
                self._due[child.name] = now + wait_s
                news.append(f"{child.name} {_ending(status)}; starting it again in {wait_s:g} s")
        return news


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
