"""local/compose.sh: what it says when docker's containers do not come up, seen through a docker that only pretends."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT

TAKEN = (
    "driver failed programming external connectivity on endpoint orderflow-gateway-1: Bind for 127.0.0.1:3000 failed:"
    " port is already allocated"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "local" / "compose.sh", tmp_path / "local")
    return tmp_path


def run(directory: Path, docker: str | None, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a docker whose answers are the cases of a shell's `case "$*" in`."""
    path = directory / "bin"
    path.mkdir()
    if docker is not None:
        (path / "docker").write_text(f'#!/bin/sh\ncase "$*" in\n{docker}\nesac\n')
        (path / "docker").chmod(0o755)
    shell = shutil.which("sh")
    assert shell is not None
    environment = {"PATH": f"{path}:/nowhere", **settings}
    return subprocess.run(
        [shell, "local/compose.sh"], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def container(name: str, state: str, error: str = "", log: str = "") -> str:
    """Return what a docker says of one container."""
    return (
        f"*up*--wait*) exit 1;;\n*ps*) echo {name};;\n"
        f'*State.Status*{name}) echo "{state}";;\n*Name*{name}) echo "/{name}";;\n'
        f'*State.Error*{name}) echo "{error}";;\nlogs*{name}) echo "{log}";;'
    )


def test_where_everything_came_up_it_says_where(directory: Path) -> None:
    done = run(directory, "*) exit 0;;", PORT="3001")

    assert done.returncode == 0
    assert "Orderflow runs in docker at http://127.0.0.1:3001, until: " in done.stdout


def test_a_port_that_another_program_has_is_named(directory: Path) -> None:
    done = run(directory, container("orderflow-gateway-1", "created  128", TAKEN))

    assert done.returncode == 1
    assert f"orderflow-gateway-1 is created  (exit code 128): {TAKEN}" in done.stderr
    assert "Another program has port 3000: stop it, or choose another one: make compose PORT=3001" in done.stderr


@pytest.mark.parametrize("state", ["running unhealthy 0", "exited  1", "restarting starting 1"])
def test_a_container_that_fails_otherwise_is_shown_with_its_log_and_no_port_is_blamed(
    directory: Path, state: str
) -> None:
    done = run(directory, container("orderflow-postgres-1", state, log="FATAL: password authentication failed"))

    assert done.returncode == 1
    assert "orderflow-postgres-1 is " in done.stderr
    assert "FATAL: password authentication failed" in done.stderr
    assert "port" not in done.stderr


def test_a_docker_that_does_not_work_has_the_last_word(directory: Path) -> None:
    done = run(
        directory, "*version*) exit 0;;\n*up*) echo 'Cannot connect to the Docker daemon' >&2; exit 1;;\n*) exit 1;;"
    )

    assert (done.returncode, done.stderr) == (1, "Cannot connect to the Docker daemon\n")


def test_a_docker_without_compose_is_said_to_lack_it(directory: Path) -> None:
    done = run(directory, "*) exit 1;;")

    assert (done.returncode, done.stderr) == (
        1,
        "docker has no Compose here: install its plugin; make run needs none.\n",
    )


def test_a_docker_that_is_not_there_is_said_to_be_missing(directory: Path) -> None:
    done = run(directory, None)

    assert (done.returncode, done.stderr) == (1, "docker is not installed; make run needs none.\n")
