"""The network between pollers and Redis, which a fault can cut: a process in between that passes bytes on, or not."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from orderflow.errors import OrderflowError

State = Literal["open", "silent", "refused"]


class NetworkError(OrderflowError):
    """The process in between does not answer."""


class Network:
    """A path from each poller to Redis, by sockets below `directory`, which can be cut."""

    def __init__(self, directory: Path, redis_socket: Path, names: Sequence[str]) -> None:
        self._paths = {name: str(directory / f"{name}.sock") for name in names}
        self.url = f"unix://{directory}/{{name}}.sock"
        """The Redis URL for a poller, `{name}` being its name."""
        # A process of its own, since the clients in this one must not slow down what passes.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.chaos.nemesis.proxy", str(redis_socket), *self._paths.values()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._expect("ready")

    def change(self, name: str, state: State) -> None:
        """Open or cut the path of one poller, and return when that is done."""
        line = f"{self._paths[name]} {state}"
        if self._process.stdin is None:
            raise NetworkError("the proxy has no input")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        self._expect(line)

    def close(self) -> None:
        """End the process in between."""
        self._process.terminate()
        self._process.communicate()

    def _expect(self, line: str) -> None:
        answer = self._process.stdout.readline().strip() if self._process.stdout else ""
        if answer != line:
            raise NetworkError(f"the proxy answered {answer!r} to {line!r}")
