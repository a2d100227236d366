"""Programs in the background, each with its output in a file, to be waited for, stopped and killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from local.settings import ROOT

POLL_S = 0.02
STOP_TIMEOUT_S = 30.0


class Program:
    """A program that runs until it is stopped, and can be started again.

    `environment` is all that it gets of one. It runs in `directory`; its process calls `prepare` first.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        prepare: Callable[[], None] | None = None,
        directory: Path = ROOT,
    ) -> None:
        self.environment = environment
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None
        self._command = command
        self._prepare = prepare
        self._directory = directory

    @property
    def output_text(self) -> str:
        """All that it has written, also in runs before this one."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, again or for the first time; return at once."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=self._prepare,
                # Ctrl-C does not reach it: the test that is interrupted stops it in its own order.
                start_new_session=True,
            )
        return self.process

    def start_and_wait_for(self, text: str, timeout_s: float = 60.0) -> None:
        """Start it and return once this run of it has written `text`; fail when it ends before, or takes too long."""
        before = self.output.stat().st_size if self.output.exists() else 0
        process = self.start()
        deadline = time.monotonic() + timeout_s
        while text not in self.output.read_bytes()[before:].decode(errors="replace"):
            assert process.poll() is None, self.output_text
            assert time.monotonic() < deadline, self.output_text
            time.sleep(POLL_S)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send it a signal and return its exit status.

        One that does not end in time is killed with its process group, and subprocess.TimeoutExpired is raised.
        """
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


@contextmanager
def programs() -> Iterator["Programs"]:
    """Lend a way to run programs; those that still run when the block ends are stopped, the last one first."""
    with ExitStack() as stack:
        yield Programs(stack)


class Programs:
    """Makes programs that do not outlive a test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def make(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> Program:
        """Return a program that is not started yet."""
        program = Program(command, environment, output)
        self._stack.callback(lambda: program.is_running and program.stop())
        return program
