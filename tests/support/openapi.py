"""The API's OpenAPI document, as text to keep; `python -m tests.support.openapi` writes it to docs/openapi.json."""

import json
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

from local.settings import ROOT
from local.template import read_template

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
"""A link to the file that read_orders answers with."""


def current() -> str:
    """Return the document of all functions behind the HTTP API, one value a line, in the order of the template."""
    functions = [each.name for each in read_template(ROOT / "template.yaml").functions if each.http_routes]
    document: dict[str, Any] = {}
    for name in functions:
        own = import_module(f"functions.{name}.app").app.openapi()
        merge(document, json.loads(json.dumps(own), object_hook=without_indent))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def without_indent(described: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its description as Python 3.13 has a docstring; before, one is indented as in the code."""
    text = described.get("description")
    return described | {"description": cleandoc(text)} if isinstance(text, str) else described


def merge(document: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what another function's document describes. Raises ValueError when the two describe one thing differently."""
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(document.get(name), dict):
            merge(document[name], value)
        elif document.setdefault(name, value) != value:
            raise ValueError(f"{name} is {document[name]} in one function's document and {value} in another's")


if __name__ == "__main__":
    DOCUMENT.write_text(current(), encoding="utf-8")
