"""The table of answers against compose.yaml with AUTH=keys: its gateway is made anew, all else goes on."""

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
