"""What a request comes with to say whom it is from: an event's headers in, the key that they hold out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from orderflow.domain.key_text import KeyText, read_key_text

_LONGEST = 256
"""A key has 81 characters at most, and nothing that is longer is worth looking at."""
# RFC 9110, 11.4: the scheme in any case, then one or more spaces.
_BEARER = re.compile(r"bearer +([^ \t,]+)", re.ASCII | re.IGNORECASE)
_NAME = "authorization"


def authorization_of(event: Mapping[str, Any]) -> str | None:
    """Return the header Authorization, several of them joined with commas; None where it is not there, or blank.

    Of a socket's event, which has the names as they were sent, the multi-value form holds all of them.
    """
    several = event.get("multiValueHeaders")
    if several is None:
        values = [*_named(event.get("headers") or {})]
    else:
        values = [value for values in _named(several) for value in _listed(values)]
    return ",".join(map(str, values)).strip(" \t") or None


def key_in(authorization: str) -> KeyText | None:
    """Return what the key in an Authorization header says; None where it is not exactly one, or has a typo."""
    # Before anything keeps it: strangers could fill the memory with headers.
    return None if len(authorization) > _LONGEST else _read(authorization)


@lru_cache(1024)  # a client sends the same one each time, and to check it takes longer than all else here
def _read(authorization: str) -> KeyText | None:
    bearer = _BEARER.fullmatch(authorization)
    return None if bearer is None else read_key_text(bearer[1])


def _named(headers: Mapping[str, Any]) -> Iterator[Any]:
    for name, value in headers.items():
        if len(name) == len(_NAME) and name.lower() == _NAME and value is not None:
            yield value


def _listed(values: Any) -> Iterable[Any]:
    return values if isinstance(values, list) else [values]
