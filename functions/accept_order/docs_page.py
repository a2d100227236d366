"""The API's page for people: Swagger UI from files that are installed with this function, none from elsewhere."""

import os
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

CACHE = "public, max-age=86400"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")

router = APIRouter(include_in_schema=False)


class CachedFiles(StaticFiles):
    """Files that browsers may keep for a day, and then ask whether they have changed."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = CACHE
        return response


_files = CachedFiles(packages=[("fastapi_offline", "static")])


@router.get("/docs")
async def page() -> Response:
    """Show the API."""
    script, style, icon = (f"/docs/{name}" for name in FILES)
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Orderflow",
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
