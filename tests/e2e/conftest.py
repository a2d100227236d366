"""The system as its users run it: `python -m local up`, reached through its front door only."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.own_system import LAUNCHES, OwnSystem


@pytest.fixture
def new_run() -> Iterator[Callable[..., OwnSystem]]:
    """Lend a maker of systems that are not started yet; those that still run when the test ends are stopped."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        runs: list[OwnSystem] = []

        def make(**settings: str) -> OwnSystem:
            runs.append(OwnSystem(Path(directory) / str(len(runs)), settings, own_servers=True))
            return runs[-1]

        yield make
        statuses = [run.stop() for run in runs if run.is_running]
        assert -signal.SIGKILL not in statuses


@pytest.fixture(scope="session")
def shared_run() -> Iterator[OwnSystem]:
    """Lend one running system, whose market launches tokens, to all tests that leave it as it is.

    Its delays are a fifth of the real ones.
    """
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        run = OwnSystem(Path(directory), {"SPEED": "0.2", **LAUNCHES}, own_servers=True)
        run.start()
        yield run
        assert run.stop() != -signal.SIGKILL


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    """Return where the system is that tests of the front door try: ORDERFLOW_BASE_URL, or one started for them."""
    if given := os.environ.get("ORDERFLOW_BASE_URL"):
        return given.rstrip("/")
    run: OwnSystem = request.getfixturevalue("shared_run")
    return run.url
