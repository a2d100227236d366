"""The SAM CLI on this machine's docker engine, with `python -m local services` beside it, as the README has them."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from local.settings import ROOT
from tests.support.ports import free_port
from tests.support.programs import Program, Programs, programs
from tests.support.services import Services, start_services

BASE_IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
SAM = ["sh", "local/sam.sh"]
READY = "CTRL+C to quit"
COLD_S = 180.0
"""Each function starts when it is first invoked, and on a busy machine that takes many seconds."""


class Sam:
    """The SAM CLI over one build of the template."""

    def __init__(self, programs: Programs, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._template = directory / "build" / "template.yaml"
        self._started: list[Program] = []

    def build(self) -> None:
        """Build the template, beside the build that may be in use in the repository."""
        done = subprocess.run(
            [*SAM, "build", "--build-dir", str(self._directory / "build")], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        # A machine that tests run on may be so busy that a cold start alone takes longer than a function may on AWS.
        self._template.write_text(re.sub(r"Timeout: \d+", "Timeout: 60", self._template.read_text()))

    def command(self, *words: str) -> list[str]:
        """Return a `sam local` command line that goes by the build and the repository's samconfig.toml."""
        config = str(ROOT / "samconfig.toml")
        return [*SAM, "local", *words, "--template", str(self._template), "--config-file", config]

    def start(self, verb: str, port: str, environment: dict[str, str]) -> Program:
        """Start `sam local start-api` or `start-lambda` and wait until it serves `port`."""
        output = self._directory / f"{verb}-{port}.log"
        program = self._programs.make(self.command(verb, "--port", port), environment, output)
        self._started.append(program)
        program.start_and_wait_for(READY)
        return program

    def invoke(self, function: str, event: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run `sam local invoke` to its end."""
        command = self.command("invoke", function, "--event", str(event))
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )

    def remove_containers(self) -> None:
        """Remove the containers that a killed SAM left; one that ends in order removes its own."""
        outputs = [program.output_text for program in self._started]
        names = {name for output in outputs for name in re.findall(r"SAM_CONTAINER_ID: (\w+)", output)}
        if names:
            subprocess.run(["docker", "rm", "--force", *names], capture_output=True, check=False)


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
def api(sam: Sam, services: Services) -> str:
    """Lend the address of SAM's HTTP API, its function started."""
    port = str(free_port())
    sam.start("start-api", port, services.environment())
    with urlopen(f"http://127.0.0.1:{port}/api/tokens", timeout=COLD_S) as answer:
        assert answer.status == 200
    return f"http://127.0.0.1:{port}"


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
