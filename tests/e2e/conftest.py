"""The system as its users run it: `python -m local up`, reached through its front door only."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.ports import free_port

READY_S = 60.0


class Run:
    """A `python -m local up` with a home and a port of its own, which can be stopped and started again."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = home.with_suffix(".log")
        self._settings = {"ORDERFLOW_HOME": str(home), "PORT": str(self.port), "LOG_LEVEL": "WARNING", **settings}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        process = self.launch()
        deadline = time.monotonic() + READY_S
        while not (self.home / "state.json").exists() or self.state["pid"] != process.pid:
            assert process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "up"],
                env=environment | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    @property
    def state(self) -> dict[str, object]:
        """What it says of itself in state.json."""
        state: dict[str, object] = msgspec.json.decode((self.home / "state.json").read_bytes())
        return state

    def pid(self, name: str) -> int:
        """Return the process id of one of its processes."""
        processes = self.state["processes"]
        assert isinstance(processes, dict)
        return int(processes[name])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def new_run() -> Iterator[type[Run] | object]:
    """Lend a maker of runs, which are ended when the test is."""
    directory = Path(tempfile.mkdtemp(prefix="orderflow-"))
    runs: list[Run] = []

    def make(**settings: str) -> Run:
        runs.append(Run(directory / str(len(runs)), **settings))
        return runs[-1]

    yield make
    for run in runs:
        if run.process is not None and run.process.poll() is None:
            run.stop()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def shared_run() -> Iterator[Run]:
    """Lend one running system to all tests that leave it as it is; its delays are a fifth of the real ones."""
    directory = Path(tempfile.mkdtemp(prefix="orderflow-"))
    run = Run(directory / "home", SPEED="0.2")
    run.start()
    yield run
    run.stop()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    """Return where the system is that tests of the front door try: ORDERFLOW_BASE_URL, or one started for them."""
    if given := os.environ.get("ORDERFLOW_BASE_URL"):
        return given.rstrip("/")
    run: Run = request.getfixturevalue("shared_run")
    return run.url
