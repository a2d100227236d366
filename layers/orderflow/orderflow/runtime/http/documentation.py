"""Describes answers in OpenAPI: the structs that they are made of in, schemas of what clients read out."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import FastAPI

from orderflow.adapters.public import ATOMS

_REFERENCE = "#/components/schemas/{name}"
_AN_ATOM_COUNT = {"type": "string", "pattern": r"^\d+$", "description": "atoms"}


def answer(document: type[msgspec.Struct], description: str, **more: Any) -> dict[str, Any]:
    """Return how OpenAPI describes an answer that is such a document."""
    schema = {"$ref": _REFERENCE.format(name=document.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema} | more}}


def document_answers(app: FastAPI, *documents: type[msgspec.Struct]) -> None:
    """Put the schemas of the documents that `answer` refers to into the OpenAPI document of `app`."""
    without: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        described = without()
        _, schemas = msgspec.json.schema_components(documents, ref_template=_REFERENCE)
        described.setdefault("components", {}).setdefault("schemas", {}).update(_as_read(schemas))
        return described

    app.openapi = openapi  # type: ignore[method-assign]


def _as_read(schema: Any, name: str = "") -> Any:
    """Return a schema of a document as public_json writes it: atoms are strings, decimals are numbers."""
    match schema:
        case {"type": "integer", **_other} if name in ATOMS:
            return _AN_ATOM_COUNT
        case {"format": "decimal", **_other}:
            return {"type": "number"}
        case {"properties": properties, **other}:
            return other | {"properties": {each: _as_read(inner, each) for each, inner in properties.items()}}
        case dict():
            return {key: _as_read(inner, name) for key, inner in schema.items()}
        case list():
            return [_as_read(inner, name) for inner in schema]
    return schema
