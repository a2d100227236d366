"""Reads the body of a request: JSON, as its headers state, of limited length."""

import re
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from orderflow.runtime.http.problems import ProblemError, shown

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


async def read_body(request: Request) -> bytes:
    """Return the body. Raises ProblemError when it is not stated to be JSON, is compressed, or is too large."""
    _check_content(request.headers)
    body, is_whole = b"", False
    # Read piece by piece, so that a body without a length is not taken in whole before it is found too large.
    while not is_whole:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        is_whole = not message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must be at most {MAX_BODY_BYTES} bytes")
    return body


def _check_content(headers: Headers) -> None:
    """Raise ProblemError unless the body is stated to be JSON, once, and not to be compressed."""
    # Joined as API Gateway does it, so that a header that is sent twice is the same everywhere.
    stated = ",".join(headers.getlist("content-type"))
    media_type = stated.partition(";")[0].strip().lower()
    if media_type != "application/json" or ("," in stated and "," in _QUOTED.sub("", stated)):
        found = shown(stated if media_type == "application/json" else media_type) or "none"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type must be application/json, not {found}")
    codings = ",".join(headers.getlist("content-encoding"))
    if codings and any(coding.strip().lower() not in ("", "identity") for coding in codings.split(",")):
        detail = f"the body must not be compressed: the content coding must be identity, not {shown(codings)}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"accept-encoding": "identity"})
