"""The table of answers where LocalStack runs the stages, and the gateway stands in for both APIs with AUTH=keys."""

from collections.abc import Iterator

import pytest

from tests.support.access_table import TableOfAnswers, Way
from tests.support.compose_project import Project, way_with_keys


@pytest.fixture(scope="module")
def way(project: Project) -> Iterator[Way]:
    with way_with_keys(project) as lent:
        yield lent


class TestAnswers(TableOfAnswers):
    pass
