"""Programs of this project in the background, each with what it says in a file, to be waited for, ended and killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from local.settings import ROOT


class Background:
    """A program that runs until it is stopped."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self._command = command
        self.environment = environment
        self._output = output
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """All that it has said, also before it was started again."""
        return self._output.read_text(errors="replace")

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, again or for the first time."""
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start_until_it_says(self, text: str, timeout_s: float = 60.0) -> None:
        """Start it and return when it has said `text` in this run of it; fail when it ends before or takes too long."""
        before = self._output.stat().st_size if self._output.exists() else 0
        process = self.start()
        deadline = time.monotonic() + timeout_s
        while text not in self._output.read_bytes()[before:].decode(errors="replace"):
            assert process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and return its exit status; by force after a while."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


@contextmanager
def programs() -> Iterator["Programs"]:
    """Lend a way to run programs, which are ended in the opposite order when the block is."""
    with ExitStack() as stack:
        yield Programs(stack)


class Programs:
    """Makes programs that do not outlive a test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def make(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> Background:
        """Return a program that is not started yet."""
        program = Background(command, environment, output)
        self._stack.callback(lambda: program.process is None or program.process.poll() is not None or program.stop())
        return program
