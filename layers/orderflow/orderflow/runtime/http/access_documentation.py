"""Describes keys in OpenAPI: an application in, its document with what needs one, and the answers without it, out."""

from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI

_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "an API key, `of_…`: always on AWS, and on one machine with AUTH=keys",
}
_NOBODY: dict[str, Any] = {
    "description": "there is no key",
    "headers": {"WWW-Authenticate": {"schema": {"type": "string"}, "example": "Bearer"}},
}
_DENIED = {"description": "the key is not valid here, or may not do this: nothing of the request was done"}
_ANSWERS = {"401": ("NoKey", _NOBODY), "403": ("NotAllowed", _DENIED)}


def document_access(app: FastAPI, public: Collection[str]) -> None:
    """Put the key into the OpenAPI document of `app`, for all that is not public."""
    without: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        described = without()
        guarded = [operations for path, operations in described["paths"].items() if path not in public]
        for operation in (each for operations in guarded for each in operations.values()):
            operation["security"] = [{"key": []}]
            for status, (name, _) in _ANSWERS.items():
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
        if guarded:
            components = described.setdefault("components", {})
            components.setdefault("securitySchemes", {})["key"] = _SCHEME
            components.setdefault("responses", {}).update(dict(_ANSWERS.values()))
        return described

    app.openapi = openapi  # type: ignore[method-assign]
