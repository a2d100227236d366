"""local/compose.yaml as a project of its own: brought up on a free port, broken from inside, taken down again."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.settings import ROOT
from tests.harness.chaos.checkers.audit import ended
from tests.harness.chaos.history.contents import read_ledger
from tests.support.access_table import Way, make_keys, open_way
from tests.support.placed_orders import violations
from tests.support.ports import free_port

COMPOSE = ROOT / "local/compose.yaml"
PASSWORD = "p@ss:word/1?"
"""Full of what would have to be escaped in a URL."""


def skip_without_engine() -> None:
    """Skip the tests at hand unless a docker engine with compose answers; fail where CI says that one does."""
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            answers = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            answers = False
        if not answers:
            end = pytest.fail if os.environ.get("ORDERFLOW_DOCKER") == "1" else pytest.skip
            end(f"`{' '.join(command)}` fails: these tests take a docker engine with compose")


class Project:
    """compose.yaml, and `beside` it another file, as one project; `settings` are the variables that they take."""

    def __init__(self, name: str, beside: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": name,
            "PORT": str(self.port),
            "DATABASE_PASSWORD": PASSWORD,
            **settings,
        }
        self._compose = ["docker", "compose", "--file", str(COMPOSE), "--file", str(beside)]

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run `docker compose` on the project and return what it printed."""
        command = [*self._compose, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def up(self, *options: str) -> None:
        """Bring it up, as the README has it, and wait until every service is healthy."""
        try:
            self.run("up", "--wait", *options)
        except AssertionError:
            print(self.logs())  # pytest shows it
            raise

    def run_gateway(self, **settings: str) -> None:
        """Make the gateway anew, with settings that are changed; all else goes on."""
        self.environment.update(settings)
        self.run("up", "--wait", "--no-build", "--no-deps", "gateway")

    def keys(self, *words: str) -> str:
        """Run the command for keys, as docs/running.md has it, and return what it printed."""
        return self.run("exec", "-T", "gateway", "python", "-m", "orderflow.api_keys", *words)

    def down(self) -> None:
        """Take it down with all that it kept."""
        self.run("down", "--volumes", check=False)

    def logs(self, *services: str) -> str:
        """Return what services wrote, or all of them."""
        return self.run("logs", "--no-log-prefix", *services, check=False)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return what docker says of a service's containers."""
        names = self.run("ps", "--all", "--quiet", service).split()
        done = subprocess.run(["docker", "inspect", *names], capture_output=True, text=True, check=True)
        inspected: list[dict[str, Any]] = json.loads(done.stdout)
        return sorted(inspected, key=lambda container: str(container["Name"]))

    def inside(self, container: dict[str, Any], *command: str) -> str:
        """Run a command in a container and return what it printed, whatever becomes of it."""
        where = ["docker", "exec", container["Id"], *command]
        return subprocess.run(where, capture_output=True, text=True, check=False).stdout

    def crash(self, service: str) -> None:
        """End every process of a service's first container by SIGKILL; whether it starts again is docker's doing."""
        self.inside(self.containers(service)[0], "sh", "-c", "kill -9 -1")

    def restarts(self, service: str) -> int:
        """Return how often the service's first container was started again by its restart policy."""
        return int(self.containers(service)[0]["RestartCount"])

    def is_healthy(self, service: str) -> bool:
        """Return whether all containers of a service run and are healthy."""
        states = [container["State"] for container in self.containers(service)]
        return all(state["Running"] and state["Health"]["Status"] == "healthy" for state in states)

    def ended(self) -> int:
        """Return how many orders the ledger has that are over."""
        ledger = read_ledger(self._database_url)
        return len(ledger.orders) - len(ended(ledger).violations)

    def audit(self, order_ids: list[str]) -> list[str]:
        """Return what is wrong with what is kept, with these orders in it."""
        redis_url = f"redis://{self._published('redis', 6379)}"
        return violations(order_ids, read_ledger(self._database_url), redis_url)

    @property
    def _database_url(self) -> str:
        return f"postgresql://orderflow:p%40ss%3Aword%2F1%3F@{self._published('postgres', 5432)}/orderflow"

    def _published(self, service: str, port: int) -> str:
        return self.run("port", service, str(port)).strip()


@contextmanager
def way_with_keys(project: Project) -> Iterator[Way]:
    """Lend a running project, and keys for it, while its gateway asks for them."""
    project.run_gateway(AUTH="keys")
    try:
        yield open_way(project.url, make_keys(project.keys))
    finally:
        project.run_gateway(AUTH="open")
