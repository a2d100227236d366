"""A script comes with all that it says it requires."""

from pathlib import Path

import pytest

from orderflow.adapters import scripts


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of scripts of its own."""
    folder = tmp_path / "scripts_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "own.lua").write_text("-- Adds up.\n-- requires: beside, trim\nreturn own\n", encoding="utf-8")
    (folder / "beside.lua").write_text("-- requires: entry_ids\nlocal beside\n", encoding="utf-8")
    (folder / "wrong.lua").write_text("-- requires: nowhere\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_what_a_script_requires_stands_before_it_each_once(package: str) -> None:
    text = scripts.source("own", package)

    places = [text.index(part) for part in ("local function earlier", "local beside", "local function trim", "own\n")]
    assert places == sorted(places)
    assert text.count("local function earlier") == 1


def test_a_script_that_is_required_and_not_there_is_an_error(package: str) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scripts.source("wrong", package)
