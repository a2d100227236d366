"""The end-to-end tests that need nothing but a base URL, with that of compose."""

import pytest

from tests.harness.acceptance import SUITES
from tests.support.front_door import require_readme_lines_work, require_suite_holds


@pytest.mark.parametrize("suite", SUITES)
def test_acceptance_suite_holds(suite: str, base_url: str) -> None:
    require_suite_holds(suite, base_url)


def test_every_line_of_the_readme_works_as_printed_after_the_ones_before_it(base_url: str) -> None:
    require_readme_lines_work(base_url)
