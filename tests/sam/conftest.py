"""The SAM CLI on this machine's docker engine, with `python -m local services` beside it, as the README has them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from local.client.access import KEY_SETTING
from local.settings import ROOT
from tests.support.access_table import RunKeys
from tests.support.ports import free_port
from tests.support.programs import Programs, programs
from tests.support.sam import COLD_S, Sam
from tests.support.services import Services, start_services

BASE_IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip what needs a docker engine where there is none; fail instead where CI says that there is one."""
    if reason := _what_is_missing():
        if os.environ.get("ORDERFLOW_DOCKER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """Lend a directory with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="orderflow-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def background() -> Iterator[Programs]:
    with programs() as lent:
        yield lent


@pytest.fixture(scope="session")
def sam(engine: None, directory: Path, background: Programs) -> Iterator[Sam]:
    """Lend SAM with one build for all tests."""
    made = Sam(background, directory)
    made.build()
    yield made
    made.remove_containers()


@pytest.fixture(scope="session")
def services(engine: None, directory: Path, background: Programs) -> Services:
    return start_services(background, directory / "services")


@pytest.fixture(scope="session")
def run_keys(services: Services) -> RunKeys:
    """Lend `python -m local keys`, on the servers of `services`."""

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "local", "keys", *words]
        environment = services.environment()
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture(scope="session")
def api(sam: Sam, services: Services, run_keys: RunKeys) -> Iterator[str]:
    """Lend the address of SAM's HTTP API, its functions started; clients have the README's key meanwhile."""
    port, key = str(free_port()), run_keys("add").strip()
    sam.start("start-api", port, services.environment())
    request = Request(f"http://127.0.0.1:{port}/api/tokens", headers={"Authorization": f"Bearer {key}"})
    with urlopen(request, timeout=COLD_S) as answer:
        assert answer.status == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_SETTING, key)
        yield f"http://127.0.0.1:{port}"


def _what_is_missing() -> str:
    if not shutil.which("docker"):
        return "sam local needs docker, which is not installed"
    if not (ROOT / ".venv-sam" / "bin" / "sam").exists():
        return "the SAM CLI is not installed: make sam"
    found = subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return ""
    if "No such image" in found.stderr:
        return f"the image {BASE_IMAGE} is not here: docker pull {BASE_IMAGE}"
    return f"no docker engine answers: {found.stderr.strip()}"
