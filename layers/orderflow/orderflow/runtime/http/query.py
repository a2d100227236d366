"""Reads the query of a request as strictly as a body: no name that is not known, and none twice."""

from collections import Counter
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from orderflow.runtime.http.json_input import MAX_MEMBERS
from orderflow.runtime.http.problems import FieldError, ProblemError, invalid, refused, shown


def read_query(request: Request) -> dict[str, str]:
    """Return the query's values by name. Raises ProblemError for names that come twice, and for too many."""
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_MEMBERS
        )
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"a query has at most {MAX_MEMBERS} names") from error
    times = Counter(name for name, _ in pairs)
    if repeated := [name for name, count in times.items() if count > 1]:
        raise refused(FieldError(shown(name) or "query", "must be given once") for name in repeated)
    return dict(pairs)


async def known_query(request: Request) -> None:
    """Check that the query has only names that the route declares, each once. Raises ProblemError.

    A dependency of every route that does not read its query as a whole: a filter that has no effect must be refused.
    """
    check_query(request)


def check_query(request: Request) -> None:
    """Check a query as `known_query` does, at less cost: for the route that every order takes."""
    if not request.scope["query_string"]:
        return
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if unknown := [name for name in read_query(request) if name not in known]:
        raise refused(FieldError(shown(name) or "query", "is not a parameter of this path") for name in unknown)


def read_limit(limit: str, most: int) -> int:
    """Return how many things a page has, as a query says it. Raises ProblemError unless that is from 1 to `most`."""
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= most):
        raise invalid("limit", f"must be from 1 to {most}")
    return int(limit)


KNOWN_QUERY = [Depends(known_query)]
"""The dependencies of a route whose query has only the names that it declares."""
