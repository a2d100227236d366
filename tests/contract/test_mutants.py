"""What `make mutants` changes and runs is there: a change of the code that it knows is noticed at once."""

from pathlib import Path

import pytest

from tests.mutants.concerned import CONCERNED, SCRIPTS, file_of, paths
from tests.mutants.scripts import CHANGES

ROOT = Path(__file__).parents[2]
# It only returns the time: wrong in one way, which tests of the scripts beside it find.
TOO_SMALL = {"clock"}


@pytest.mark.parametrize("name", CONCERNED)
def test_what_is_changed_and_the_tests_that_concern_it_are_there(name: str) -> None:
    assert (ROOT / file_of(name)).is_file()
    assert [path for path in paths(CONCERNED[name]) if not (ROOT / path).is_file()] == []


def test_each_script_is_changed() -> None:
    scripts = {path.stem for folder in SCRIPTS for path in (ROOT / folder).glob("*.lua")} - TOO_SMALL

    assert {f"scripts/{name}" for name in scripts} == CHANGES.keys()
    assert {name for name in CONCERNED if name.startswith("scripts/")} == CHANGES.keys()


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [(name, *change) for name, changes in CHANGES.items() for change in changes]
)
def test_what_is_changed_in_a_script_stands_there_once(name: str, right: str, wrong: str) -> None:
    assert (ROOT / file_of(name)).read_text(encoding="utf-8").count(right) == 1
    assert wrong != right
