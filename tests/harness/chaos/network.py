"""The network between pollers and Redis, in the hands of the test: a process that passes on what they say, or not."""

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
    """A way from each poller to Redis, below `directory`, which can be cut."""

    def __init__(self, directory: Path, redis_socket: Path, names: Sequence[str]) -> None:
        self._paths = {name: str(directory / f"{name}.sock") for name in names}
        self.url = f"unix://{directory}/{{name}}.sock"
        """What a poller is to use as its Redis, `{name}` being the poller's."""
        # In a process of its own: what the clients of this one do must not slow down what passes.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.chaos.proxy", str(redis_socket), *self._paths.values()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._expect("ready")

    def change(self, name: str, state: State) -> None:
        """Open or cut the way of one poller, and return when that is done."""
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
