"""The acceptance suites against functions that LocalStack's Lambda runs."""

import pytest

from tests.harness.acceptance import SUITES
from tests.support.front_door import require_suite_holds


@pytest.mark.parametrize("suite", SUITES)
def test_acceptance_suite_holds(suite: str, base_url: str) -> None:
    require_suite_holds(suite, base_url)
