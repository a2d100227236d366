"""The acceptance suites as a stranger runs them, against the running system."""

import pytest

from tests.harness.acceptance import SUITES
from tests.support.front_door import require_suite_holds


@pytest.mark.parametrize("suite", SUITES)
def test_acceptance_suite_holds(suite: str, base_url: str) -> None:
    require_suite_holds(suite, base_url)
