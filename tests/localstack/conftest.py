"""The template deployed to LocalStack once for all of these tests; without a docker engine they are skipped."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from local.settings import ROOT
from tests.harness.own_system import LAUNCHES
from tests.support.compose_project import Project, skip_without_engine
from tests.support.ports import free_port

LAMBDA = ROOT / "local/localstack/lambda.compose.yaml"


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    """Lend the running project with its functions deployed, as `make localstack` does it."""
    skip_without_engine()
    name, port = f"orderflow-localstack-test-{os.getpid()}", str(free_port())
    project = Project(name, LAMBDA, SPEED="0.2", LOCALSTACK_PORT=port, **LAUNCHES)
    try:
        deploy = ["sh", "local/localstack/deploy.sh"]
        done = subprocess.run(deploy, cwd=ROOT, env=project.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + project.logs()
        yield project
    finally:
        project.down()


@pytest.fixture(scope="session")
def base_url(project: Project) -> str:
    return project.url
