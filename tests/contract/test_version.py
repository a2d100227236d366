"""The version stands in one place, which Lambda has as well: orderflow/__init__.py."""

import ast
import json
import tomllib
from pathlib import Path

import orderflow
from orderflow.runtime.http.app import http_app

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("functions", "layers", "local") for path in (ROOT / folder).rglob("*.py")]


def test_the_package_is_built_with_the_version_that_it_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(orderflow.__file__)


def test_the_api_has_the_version_of_the_package() -> None:
    version = http_app("any_function", {}).version

    assert version == orderflow.__version__
    assert json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["info"]["version"] == version


def test_no_other_code_writes_the_version_down() -> None:
    written = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == orderflow.__version__
    ]

    assert written == ["layers/orderflow/orderflow/__init__.py"]
