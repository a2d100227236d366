"""compose.yaml brought up once for all of these tests; without a docker engine they are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.own_system import LAUNCHES
from tests.support.compose_project import Project, skip_without_engine

AUDITED = Path(__file__).parent / "audit.compose.yaml"


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    """Lend the running project."""
    skip_without_engine()
    project = Project(f"orderflow-test-{os.getpid()}", AUDITED, SPEED="0.2", **LAUNCHES)
    try:
        project.up()
        yield project
    finally:
        project.down()


@pytest.fixture(scope="session")
def base_url(project: Project) -> str:
    return project.url
