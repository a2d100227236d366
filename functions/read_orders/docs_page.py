"""The API's description: OpenAPI's document for programs, and Swagger UI for people, whose files are all our own.

Nobody needs a key for it. Where DOCS is off it is as if it were not there.
"""

import json
import os
from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Depends, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from orderflow.runtime.http.app import TITLE
from orderflow.runtime.settings import DocsSettings, read_settings

CACHE = "public, max-age=86400"
DOCUMENT = Path(__file__).with_name("openapi.json")
"""Describes the routes of every function; `make openapi` writes it from their code, and a test holds it to that."""
FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")


@cache
def docs_settings() -> DocsSettings:
    """Return whether the API is described."""
    return read_settings(DocsSettings)


async def _described() -> None:
    if not docs_settings().docs:
        raise HTTPException(HTTPStatus.NOT_FOUND)


router = APIRouter(include_in_schema=False, dependencies=[Depends(_described)])


class CachedFiles(StaticFiles):
    """Files that browsers may keep for a day, and then ask whether they have changed."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = CACHE
        return response


_files = CachedFiles(packages=[("fastapi_offline", "static")])


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def document() -> Response:
    """Return the description of the API."""
    return Response(_document(), media_type="application/json")


@router.get("/docs")
async def page() -> Response:
    """Show the API."""
    script, style, icon = (f"/docs/{name}" for name in FILES)
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=TITLE,
        swagger_js_url=script,
        swagger_css_url=style,
        swagger_favicon_url=icon,
    )


@router.get("/docs/{name}")
async def file(name: str, request: Request) -> Response:
    """Return one of the page's files."""
    if name not in FILES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return await _files.get_response(name, request.scope)


@cache
def _document() -> bytes:
    return json.dumps(json.loads(DOCUMENT.read_bytes()), ensure_ascii=False, separators=(",", ":")).encode()
