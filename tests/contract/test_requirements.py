"""What the layer and the functions install on Lambda: pinned, complete, and the versions tested here."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/orderflow/requirements.txt"
SHIPPED = [LAYER, *sorted(ROOT.glob("functions/*/requirements.txt"))]
LAMBDA = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}
# Part of Lambda's Python runtime.
RUNTIME = {"boto3", "botocore", "urllib3"}

every_shipped = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))


def requirements(path: Path) -> dict[str, Requirement]:
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    parsed = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level modules that code imports at any depth, but not those for the type checker only."""
    match tree:
        case ast.If(ast.Name("TYPE_CHECKING")):
            return
        case ast.Import(names):
            yield from (alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(str(module), _, 0):
            yield module.partition(".")[0]
    for child in ast.iter_child_nodes(tree):
        yield from imports(child)


def distributions_imported_below(directory: Path) -> set[str]:
    known = packages_distributions()
    modules = {
        module
        for path in directory.rglob("*.py")
        for module in imports(ast.parse(path.read_text(encoding="utf-8")))
        if module not in sys.stdlib_module_names | {"orderflow", "functions"}
    }
    return {canonicalize_name(known[module][0]) if module in known else module for module in modules}


@every_shipped
def test_a_version_is_exact_and_the_one_that_runs_here(path: Path) -> None:
    local = requirements(ROOT / "local/requirements.txt")

    for name, requirement in requirements(path).items():
        assert str(requirement.specifier).startswith("=="), f"{name} is not pinned"
        assert name in local, f"{name} is not in local/requirements.txt"
        assert requirement.specifier == local[name].specifier, name


@every_shipped
def test_what_a_requirement_requires_is_pinned_beside_it(path: Path) -> None:
    pinned = requirements(path)

    for name in pinned:
        for needed in map(Requirement, requires(name) or []):
            if needed.marker is None or needed.marker.evaluate(LAMBDA):
                assert canonicalize_name(needed.name) in pinned, f"{name} requires {needed}"


def test_the_layer_installs_all_that_the_package_imports() -> None:
    imported = distributions_imported_below(ROOT / "layers/orderflow/orderflow")

    assert imported - RUNTIME <= requirements(LAYER).keys()


@pytest.mark.parametrize("function", sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py")))
def test_a_function_installs_all_that_it_imports_beyond_the_layer(function: str) -> None:
    own = ROOT / "functions" / function / "requirements.txt"

    imported = distributions_imported_below(own.parent)

    provided = requirements(LAYER).keys() | (requirements(own).keys() if own.exists() else set())
    assert imported - RUNTIME <= provided


def test_only_the_functions_behind_an_api_bring_packages_of_their_own() -> None:
    assert [path.parent.name for path in SHIPPED if path != LAYER] == ["accept_order", "watch_order"]
