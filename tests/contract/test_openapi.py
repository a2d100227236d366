"""The API's document under docs/ against the code: a change to the public API shows as a diff of that file."""

from difflib import unified_diff

from tests.support.openapi import DOCUMENT, current


def test_the_document_under_docs_is_that_of_the_code() -> None:
    kept, now = DOCUMENT.read_text(encoding="utf-8").splitlines(), current().splitlines()

    changes = list(unified_diff(kept, now, "docs/openapi.json", "the code", lineterm=""))
    assert not changes, "\n".join(["if this is what clients are to see, write it with `make openapi`:", *changes])
