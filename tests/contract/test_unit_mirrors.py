"""tests/unit mirrors the packages: the tests of a module are found under its name, in a folder like its own."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
ROOMS = {
    "functions": ROOT / "functions",
    "harness": ROOT / "tests" / "harness",
    "lint": ROOT / "tests" / "lint",
    "local": ROOT / "local",
}
"""What a folder of tests/unit mirrors; all others mirror one of the package orderflow."""


def mirrored(folder: Path) -> Path:
    """Return the folder whose modules the tests in `folder`, which is relative to tests/unit, are of."""
    room, *within = folder.parts or (".",)
    if room == ".":
        return ROOT
    return ROOMS.get(room, ROOT / "layers" / "orderflow" / "orderflow" / room).joinpath(*within)


def has_subject(test: Path) -> bool:
    """Return whether a test file is named after something in the folder that it mirrors, perhaps with an aspect."""
    name = test.stem.removeprefix("test_")
    stems = [path.stem.lower() for path in mirrored(test.parent.relative_to(UNIT)).glob("*")]
    return any(name == stem or name.startswith(f"{stem}_") for stem in stems)


def test_each_unit_test_is_named_after_what_it_tests() -> None:
    tests = sorted(UNIT.rglob("test_*.py"))

    assert tests
    assert [str(test.relative_to(UNIT)) for test in tests if not has_subject(test)] == []


def test_a_test_that_lies_elsewhere_than_its_module_is_found() -> None:
    assert has_subject(UNIT / "domain" / "router" / "test_choice.py")
    assert has_subject(UNIT / "event_source" / "test_poller_reading.py")
    assert not has_subject(UNIT / "domain" / "test_choice.py")
    assert not has_subject(UNIT / "nowhere" / "test_choice.py")
