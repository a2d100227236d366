"""The desk: a request for its page, or for one of the page's files, in; the file out, for anyone.

The page holds nothing of anybody's: what it shows it asks the API for, with the key of the person who looks at it.
"""

import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from functions.serve_desk.page_files import PageFile, PageFiles, read_page_files
from orderflow.runtime.http.app import http_app
from orderflow.runtime.settings import DeskSettings, read_settings

PAGE = Path(__file__).with_name("page")
FOREVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_TAKES_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)

app = http_app("serve_desk", {}, public=["/"])  # all below it too


@cache
def desk_settings() -> DeskSettings:
    """Return what the page is to know of the system behind it."""
    return read_settings(DeskSettings)


@cache
def page_files() -> PageFiles:
    """Return the page's files."""
    settings = desk_settings()
    return read_page_files(PAGE, {"auth": settings.auth, "socket_url": settings.socket_url})


@cache
def security_policy() -> str:
    """Return the page's Content-Security-Policy: its own files, the API of its own host, and the socket's host."""
    socket = urlsplit(desk_settings().socket_url)
    elsewhere = f" {socket.scheme}://{socket.netloc}" if socket.netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self'{elsewhere}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


@app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def page(request: Request) -> Response:
    """Return the page."""
    return _answer(request, page_files().page, ASK_EACH_TIME, {"content-security-policy": security_policy()})


@app.api_route("/desk/{version}/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def file(request: Request, version: str, name: str) -> Response:
    """Return one of the page's files, which never changes below its version.

    Below another version it is the same file, not to be kept: for a page that was loaded before a deployment.
    """
    known = page_files()
    found = known.files.get(name)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _answer(request, found, FOREVER if version == known.version else ASK_EACH_TIME, {})


def _answer(request: Request, found: PageFile, kept: str, more: dict[str, str]) -> Response:
    headers = {**SECURITY, **more, "cache-control": kept, "etag": found.tag, "vary": "Accept-Encoding"}
    if found.tag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = found.body
    if found.compressed is not None and _TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        body, headers["content-encoding"] = found.compressed, "gzip"
    headers |= {"content-type": found.media_type, "content-length": str(len(body))}
    return Response(b"" if request.method == "HEAD" else body, headers=headers)
