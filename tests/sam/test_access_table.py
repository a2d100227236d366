"""The table of answers against `sam local start-api`, whose Lambda authorizer is authorize_request in its container."""

import pytest

from tests.support.access_table import CASES, Case, RunKeys, Way, make_keys, open_way, require_answer


@pytest.fixture(scope="module")
def way(api: str, run_keys: RunKeys) -> Way:
    return open_way(api, make_keys(run_keys), challenges=False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_request_is_answered_as_the_table_says(way: Way, case: Case) -> None:
    require_answer(way, case)
