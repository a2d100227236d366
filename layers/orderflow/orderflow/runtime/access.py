"""The caller of a request, as an authorizer hands it on: a caller in, its context out, and back.

API Gateway puts what its authorizer returns as context into each later event, under `requestContext.authorizer`: as it
is for sockets, and below `lambda` for the HTTP API. Both take texts.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from orderflow.adapters.codec import encoder
from orderflow.domain.access import ACCOUNT, LOCAL_CALLER, PERMISSIONS, Caller, Limits

Context = dict[str, str]
_limits = msgspec.json.Decoder(Limits)


class NoCallerError(Exception):
    """An event has no context of an authorizer, or one that can't be read: it came past it."""


def context_of(caller: Caller) -> Context:
    """Return what an authorizer hands on about a caller."""
    context = {"account": caller.account, "permissions": " ".join(sorted(caller.permissions))}
    if caller.key_id:
        context["key_id"] = caller.key_id
    if caller.limits is not None:
        context["limits"] = encoder.encode(caller.limits).decode()
    return context


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Return whom an event of API Gateway is from. Raises NoCallerError where no authorizer has said it."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    context = authorizer.get("lambda", authorizer)
    try:
        return _read(*(context.get(name) for name in ("account", "permissions", "key_id", "limits")))
    except (AttributeError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise NoCallerError(f"no authorizer has said whom this is from: {error}") from error


OPEN_CONTEXT = context_of(LOCAL_CALLER)
"""What is handed on about every caller where nobody needs a key."""


@lru_cache(1024)
def _read(account: str, permissions: str, key_id: str | None, limits: str | None) -> Caller:
    named = frozenset(name for name in PERMISSIONS if name in permissions.split(" "))
    if ACCOUNT.fullmatch(account) is None:
        raise ValueError("its account has no name of one")
    return Caller(account, named, key_id or "", None if limits is None else _limits.decode(limits))
