"""Describes bodies and answers in OpenAPI: the models and structs that they are in, schemas of what clients see out."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from orderflow.adapters.public import ATOMS

REFERENCE = "#/components/schemas/{name}"
_AN_ATOM_COUNT = {"type": "string", "pattern": r"^\d+$", "description": "atoms"}


def answer(document: type[msgspec.Struct], description: str, **more: Any) -> dict[str, Any]:
    """Return how OpenAPI describes an answer that is such a document."""
    schema = {"$ref": REFERENCE.format(name=document.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema} | more}}


def document_answers(app: FastAPI, *documents: type[msgspec.Struct]) -> None:
    """Put the schemas of the documents that `answer` refers to into the OpenAPI document of `app`."""
    _, schemas = msgspec.json.schema_components(documents, ref_template=REFERENCE)
    _add(app, _as_read(schemas))


def one_of(models: Mapping[str, type[BaseModel]], by: str) -> dict[str, Any]:
    """Return how OpenAPI describes a body that is one of several models, which its member `by` names."""
    mapping = {name: REFERENCE.format(name=model.__name__) for name, model in models.items()}
    choices = [{"$ref": reference} for reference in dict.fromkeys(mapping.values())]
    return {"oneOf": choices, "discriminator": {"propertyName": by, "mapping": mapping}}


def document_bodies(app: FastAPI, models: Mapping[str, type[BaseModel]]) -> None:
    """Put the schemas of the models that `one_of` refers to into the OpenAPI document of `app`."""
    distinct = dict.fromkeys(models.values())
    _, schemas = models_json_schema(
        [(model, "validation") for model in distinct], ref_template=REFERENCE.replace("{name}", "{model}")
    )
    _add(app, schemas["$defs"])


def _add(app: FastAPI, schemas: Mapping[str, Any]) -> None:
    without: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        described = without()
        described.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
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
