"""Describes limits in OpenAPI: an application in, its document with their headers and refusals out."""

from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI

_HEADERS: dict[str, Any] = {
    "RateLimit-Policy": {
        "description": "the limits of the account that this request is counted by: `q` units at once, as many again in"
        " each `w` seconds. With keys only (draft-ietf-httpapi-ratelimit-headers-11)",
        "schema": {"type": "string"},
        "example": '"orders";q=100;w=2',
    },
    "RateLimit": {
        "description": "what is left of them: `r` units now, all of them in `t` seconds",
        "schema": {"type": "string"},
        "example": '"orders";r=50;t=1',
    },
    "Retry-After": {
        "description": "after so many seconds, rounded up, the same request may pass",
        "schema": {"type": "integer"},
        "example": 1,
    },
}
_REFUSED = {
    "type": "about:blank",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "this account's limit of orders is used up; try again in 20 ms",
    "limit": "orders",
    "retry_after_ms": 20,
}
_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
_LEFT = {name: _REFERENCES[name] for name in ("RateLimit-Policy", "RateLimit")}
_TOO_MANY = {
    "description": "a limit of the account, `limit`, has too little left for this request: nothing of it was done. In"
    " `retry_after_ms` it has enough",
    "headers": _REFERENCES,
    "content": {"application/problem+json": {"example": _REFUSED}},
}


def document_limits(app: FastAPI, public: Collection[str]) -> None:
    """Put the headers of limits, and the answer beyond one, into the OpenAPI document of `app`, for all that counts."""
    without: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        described = without()
        counted = [operations for path, operations in described["paths"].items() if path not in public]
        for operation in (each for operations in counted for each in operations.values()):
            answers = operation["responses"]
            for status, answer in answers.items():
                if status != "429":
                    answer.setdefault("headers", {}).update(_LEFT)
            answers["429"] = {"$ref": "#/components/responses/TooManyRequests"}
        if counted:
            components = described.setdefault("components", {})
            components.setdefault("headers", {}).update(_HEADERS)
            components.setdefault("responses", {})["TooManyRequests"] = _TOO_MANY
        return described

    app.openapi = openapi  # type: ignore[method-assign]
