"""The README's own lines, one after the other in one shell as they are printed, against the running system."""

import re
import shutil

import pytest

from tests.support.front_door import README, require_readme_lines_work

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")


def test_every_line_works_as_printed_after_the_ones_before_it(base_url: str) -> None:
    require_readme_lines_work(base_url)


def test_nothing_that_is_printed_asks_a_question() -> None:
    assert [line for line in README.read_text().splitlines() if re.search(r"\bnpx (?!--yes )", line)] == []
