"""What pip installs, here and on Lambda: pinned, with hashes, complete, and the versions tested here."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/orderflow/requirements.txt"
TRACES = ROOT / "layers/traces/requirements.txt"
PACKAGE = ROOT / "layers/orderflow/orderflow"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))
SHIPPED = [LAYER, *sorted(ROOT.glob("functions/*/requirements.txt"))]
LAMBDA = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}
# Part of Lambda's Python runtime.
RUNTIME = {"boto3", "botocore", "urllib3"}

# Which of pyproject.toml's groups a lock file is made of.
GROUPS = {
    "local/setup/requirements.txt": "run",
    "local/setup/requirements-event-source.txt": "event-source",
    "local/setup/requirements-image.txt": "image",
    "local/setup/requirements-lock.txt": "lock",
    "local/setup/requirements-vendored.txt": "vendored",
    "layers/traces/requirements.txt": "traces",
    "tests/requirements.txt": "test",
    "tests/requirements-lambda.txt": "lambda-image",
    "tests/requirements-mutants.txt": "mutants",
    "tests/requirements-sam.txt": "sam",
    "layers/orderflow/requirements.txt": "layer",
    "functions/accept_order/requirements.txt": "api",
    "functions/change_orders/requirements.txt": "api",
    "functions/issue_ticket/requirements.txt": "api",
    "functions/read_orders/requirements.txt": "docs",
    "functions/serve_desk/requirements.txt": "api",
    "functions/tend_dead_letters/requirements.txt": "api",
    "functions/watch_order/requirements.txt": "api",
}
LOCKS = [*(ROOT / name for name in GROUPS), ROOT / "tests/requirements-localstack.txt"]

every_lock = pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
every_shipped = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))


def entries(path: Path) -> list[str]:
    """Return a lock file's entries, each with its hashes, on one line."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.strip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").split("\n")


def requirements(path: Path) -> dict[str, Requirement]:
    parsed = [Requirement(entry.partition("--hash")[0]) for entry in entries(path) if entry]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def group(name: str) -> list[Requirement]:
    """Return what a dependency group asks for, with the groups that it includes."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    asked: list[Requirement] = []
    for item in groups[name]:
        asked += [Requirement(item)] if isinstance(item, str) else group(item["include-group"])
    return asked


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


def distributions_imported_below(directory: Path, *left_out: Path) -> set[str]:
    known = packages_distributions()
    modules = {
        module
        for path in directory.rglob("*.py")
        if not any(path.is_relative_to(part) for part in left_out)
        for module in imports(ast.parse(path.read_text(encoding="utf-8")))
        if module not in sys.stdlib_module_names | {"orderflow", "functions"}
    }
    return {canonicalize_name(known[module][0]) if module in known else module for module in modules}


BEHIND_HTTP = [
    *("accept_order", "change_orders", "issue_ticket", "read_orders", "serve_desk", "tend_dead_letters"),
    "watch_order",
]


def behind_http(function: str) -> bool:
    """Return whether a function is made of runtime.http, which the layer holds without what it imports."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "functions" / function).glob("*.py")]
    return any("orderflow.runtime.http" in source for source in sources)


@every_lock
def test_each_file_that_pip_may_install_has_its_hash(path: Path) -> None:
    for entry in filter(None, entries(path)):
        requirement, *hashes = entry.split("--hash=")
        assert "==" in requirement
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", text.strip()) for text in hashes)


def test_there_is_no_lock_file_but_these() -> None:
    found = {path for folder in ("local", "tests", "layers", "functions") for path in (ROOT / folder).rglob("*.txt")}

    assert {path for path in found if path.name.startswith("requirements")} == set(LOCKS)


@pytest.mark.parametrize(("lock", "name"), GROUPS.items())
def test_a_lock_file_holds_what_its_group_asks_for(lock: str, name: str) -> None:
    locked = [Requirement(entry.partition("--hash")[0]) for entry in entries(ROOT / lock) if entry]

    asked = {(requirement.name, str(requirement.specifier)) for requirement in group(name)}
    assert asked <= {(requirement.name, str(requirement.specifier)) for requirement in locked}


@pytest.mark.parametrize(
    "path",
    [
        ROOT / name
        for name in ("local/setup/install.sh", "local/setup/vendored.sh", "local/Dockerfile", ".ci/stand-in-images")
    ],
)
def test_every_call_of_pip_requires_hashes(path: Path) -> None:
    commands = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    installing = [line for line in commands if re.search(r"^\s*pip_install |-m pip .*(install|download) ", line)]

    assert installing
    assert [line for line in installing if "--require-hashes" not in line and '"$@"' not in line] == []


@every_shipped
def test_a_version_is_exact_and_the_one_that_runs_here(path: Path) -> None:
    local = requirements(ROOT / "local/setup/requirements.txt")

    for name, requirement in requirements(path).items():
        assert str(requirement.specifier).startswith("=="), f"{name} is not pinned"
        assert name in local, f"{name} is not in local/setup/requirements.txt"
        assert requirement.specifier == local[name].specifier, name


@every_shipped
def test_what_a_requirement_requires_is_pinned_beside_it(path: Path) -> None:
    pinned = requirements(path)

    for name in pinned:
        for needed in map(Requirement, requires(name) or []):
            if needed.marker is None or needed.marker.evaluate(LAMBDA):
                assert canonicalize_name(needed.name) in pinned, f"{name} requires {needed}"


def test_the_layer_installs_all_that_the_package_imports() -> None:
    # No function migrates or reads streams: these are tasks of their own, in images that have what they take. The
    # functions behind HTTP bring what runtime.http imports.
    apart = (PACKAGE / "migrate", PACKAGE / "event_source", PACKAGE / "runtime/http")
    imported = distributions_imported_below(PACKAGE, *apart)

    # runtime/order_spans.py is only imported where orders are traced, and there is a layer more then.
    assert imported - RUNTIME <= requirements(LAYER).keys() | requirements(TRACES).keys()


def test_the_image_of_the_event_source_installs_all_that_it_imports() -> None:
    imported = distributions_imported_below(PACKAGE / "event_source")

    assert "prometheus-client" in imported
    assert imported <= requirements(ROOT / "local/setup/requirements-event-source.txt").keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_installs_all_that_it_imports_beyond_the_layer(function: str) -> None:
    own = ROOT / "functions" / function / "requirements.txt"

    imported = distributions_imported_below(own.parent)
    if behind_http(function):
        imported |= distributions_imported_below(PACKAGE / "runtime/http")

    provided = requirements(LAYER).keys() | (requirements(own).keys() if own.exists() else set())
    assert imported - RUNTIME <= provided


def test_what_the_functions_behind_http_share_is_found_to_need_a_web_framework() -> None:
    shared = distributions_imported_below(PACKAGE / "runtime/http")

    assert {"fastapi", "mangum"} <= shared - requirements(LAYER).keys()
    assert [name for name in FUNCTIONS if behind_http(name)] == BEHIND_HTTP


def test_only_the_functions_behind_an_api_bring_packages_of_their_own() -> None:
    assert [path.parent.name for path in SHIPPED if path != LAYER] == BEHIND_HTTP
