"""The API's OpenAPI document, as text to keep; `python -m tests.support.openapi` writes it to docs/openapi.json."""

import json
from pathlib import Path

from functions.accept_order.app import app

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def current() -> str:
    """Return the document that /openapi.json answers with, one value a line, in the order of the API."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(current(), encoding="utf-8")
