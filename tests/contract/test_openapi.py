"""The API's document under docs/ against the code: a change to the public API shows as a diff of that file."""

from difflib import unified_diff
from typing import Any

import pytest

from tests.support.openapi import DOCUMENT, current, merge


def test_the_document_under_docs_is_that_of_the_code() -> None:
    kept, now = DOCUMENT.read_text(encoding="utf-8").splitlines(), current().splitlines()

    changes = list(unified_diff(kept, now, "docs/openapi.json", "the code", lineterm=""))
    assert not changes, "\n".join(["if this is what clients are to see, write it with `make openapi`:", *changes])


def test_two_functions_may_not_describe_one_thing_differently() -> None:
    document: dict[str, Any] = {"info": {"title": "A"}, "paths": {"/a": {"get": {}}}}

    merge(document, {"info": {"title": "A"}, "paths": {"/a": {"post": {}}, "/b": {"get": {}}}})

    assert document["paths"] == {"/a": {"get": {}, "post": {}}, "/b": {"get": {}}}
    with pytest.raises(ValueError, match="^title is A in one function's document and B in another's$"):
        merge(document, {"info": {"title": "B"}})
