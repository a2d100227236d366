"""What tests share stands in rooms made for it: no test imports another test or a conftest."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SHARED = {"support", "harness", "model", "mutants", "lint"}
"""The rooms that other tests import from; fixtures come from a conftest by name."""


def imported(source: str) -> Iterator[str]:
    """Yield the full name of every module of ours, and every name in one, that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_allowed(name: str) -> bool:
    """Return whether a test may import a name: not from a test or a conftest, and within tests/ only what is shared."""
    first, *within = name.split(".")
    ours = first in ("", "tests", "conftest") or first.startswith("test_")
    return not ours or (bool(within) and within[0] in SHARED and not any(part.startswith("test_") for part in within))


def test_no_test_imports_another_test_or_a_conftest() -> None:
    found = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name in imported(path.read_text(encoding="utf-8"))
        if not is_allowed(name)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "from tests.integration.conftest import eventually",
        "from tests.integration.test_intake import AMPLE",
        "from tests.integration import test_intake",
        "import tests.e2e.orders",
        "from tests import integration",
        "from tests.support.front_door import test_acceptance_suite_holds",
        "from .market import pending",
        "if TYPE_CHECKING:\n    from conftest import Sam",
    ],
)
def test_an_import_of_a_test_is_found(line: str) -> None:
    assert not all(is_allowed(name) for name in imported(line))
