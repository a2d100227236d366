"""Reads a request's body: bytes in, the JSON object in them with its numbers exact out."""

import json
from http import HTTPStatus
from typing import Any

from orderflow.runtime.http.number_input import exact_json_number
from orderflow.runtime.http.problems import ProblemError

MAX_BODY_BYTES = 64 * 1024
MAX_MEMBERS = 32
"""How many members a JSON object, or a query, may have: an order has fewer, and each one more costs processor time."""


def read_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request body, its numbers exact. Raises ProblemError when it is none."""
    try:
        text = body.decode("utf-8-sig")  # a byte order mark is no part of the text
        if text.startswith("\ufeff"):
            raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)  # as json.loads
        fields = _json.decode(text)
    except UnicodeDecodeError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is nested too deeply") from error
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with too many members, or that names a field twice: which of the two amounts was meant?"""
    if len(pairs) > MAX_MEMBERS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"a JSON object here has at most {MAX_MEMBERS} members")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields


_json = json.JSONDecoder(
    parse_int=exact_json_number,
    parse_float=exact_json_number,
    parse_constant=_refuse_constant,
    object_pairs_hook=_members,
)
