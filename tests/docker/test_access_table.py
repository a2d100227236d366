"""The table of answers against compose.yaml with AUTH=keys: its gateway is made anew, all else goes on."""

from collections.abc import Iterator

import pytest

from tests.support.access_table import (
    CASES,
    SOCKET_CASES,
    Case,
    SocketCase,
    Way,
    require_answer,
    require_socket_answer,
    require_tickets,
)
from tests.support.compose_project import Project, way_with_keys


@pytest.fixture(scope="module")
def way(project: Project) -> Iterator[Way]:
    with way_with_keys(project) as lent:
        yield lent


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_request_is_answered_as_the_table_says(way: Way, case: Case) -> None:
    require_answer(way, case)


@pytest.mark.parametrize("case", SOCKET_CASES, ids=str)
def test_a_socket_is_answered_as_the_table_says(way: Way, case: SocketCase) -> None:
    require_socket_answer(way, case)


def test_a_ticket_opens_one_socket_of_its_account(way: Way) -> None:
    require_tickets(way)
