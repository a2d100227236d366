"""Says whom a request is from, or that it is from nobody: an event of API Gateway in, what that wants to hear out.

What is decided by is in the event: its headers, a socket's query, and where it comes from. Why a request is denied
stands in the log alone, with the key's id and never the key.
"""

from collections.abc import Mapping
from typing import Any

from functions.authorize_request.credentials import authorization_of, key_in
from orderflow.domain.access import Caller, authorize, why_ended
from orderflow.errors import OrderflowError
from orderflow.runtime import async_clients, clock
from orderflow.runtime.access import Context, context_of
from orderflow.runtime.refusals import Refusals

_denials = Refusals("authorize_request", "denied")


class UnauthorizedError(OrderflowError):
    """A socket comes with nothing that says whom it is from. API Gateway answers this very text with a 401."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


async def authorize_http(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the simple response to a request of the HTTP API (payload 2.0): `isAuthorized`, and if so the `context`.

    Raises TooManyLookupsError when its address asks for too many unknown keys, and RetryableError when keys can't be
    looked up.
    """
    address = event["requestContext"].get("http", {}).get("sourceIp", "")
    authorization = authorization_of(event)
    if authorization is None:
        return _denied_request("missing", address)
    caller = await _caller(authorization, address)
    return {"isAuthorized": True, "context": context_of(caller)} if caller else {"isAuthorized": False}


async def authorize_socket(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy for a socket's `$connect` (a REQUEST authorizer's event), and the `context` where it may come.

    Raises UnauthorizedError where nothing says whom it is from, else as authorize_http.
    """
    address = event["requestContext"].get("identity", {}).get("sourceIp", "")
    ticket = (event.get("queryStringParameters") or {}).get("ticket")
    if (authorization := authorization_of(event)) is not None:
        caller = await _caller(authorization, address)
    elif ticket:
        caller = await _ticket_holder(ticket, address)
    else:
        raise UnauthorizedError
    if caller is not None and not caller.may("read"):
        _denials.note("permission", f"key {caller.key_id} from {address}")  # all that a socket does is to read
        caller = None
    return _policy(event["methodArn"], context_of(caller) if caller else None)


def deny(event: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Return the "no" to a question of either API, for a reason that the log is given alone."""
    context = event["requestContext"]
    if "http" in context:
        return _denied_request(reason, context["http"].get("sourceIp", ""))
    _denials.note(reason, f"from {context.get('identity', {}).get('sourceIp', '')}")
    return _policy(event["methodArn"], None)


async def is_good(key_id: str) -> bool:
    """Return whether a key that has let a caller in is still one: neither revoked nor expired.

    Raises RetryableError when it can't be looked up. That never depends on what else the caller's address asks for: who
    keeps it from being looked up would keep a key that has ended good.
    """
    key = await async_clients.known_keys().find(key_id, address=None)
    return key is not None and why_ended(key, clock.now_ms()) is None


async def _caller(authorization: str, address: str) -> Caller | None:
    """Return whom the key in an Authorization header stands for; None, after a line in the log, where for nobody."""
    said = key_in(authorization)
    if said is None:
        _denials.note("malformed", f"from {address}")
        return None
    key = await async_clients.known_keys().find(said.id, address)
    outcome = authorize(said.digest, key, address, clock.now_ms())
    if isinstance(outcome, Caller):
        return outcome
    _denials.note(outcome, f"key {said.id} from {address}")
    return None


async def _ticket_holder(ticket: str, address: str) -> Caller | None:
    """Return whom a ticket stands for, which is used then: whom its key stands for, from wherever it is used."""
    issued_to = await async_clients.tickets().take(ticket)
    if issued_to is None:
        _denials.note("ticket", f"from {address}")
        return None
    key_id = issued_to.get("key_id", "")
    key = await async_clients.known_keys().find(key_id, address=None)
    # The key may have ended since.
    reason = "unknown" if key is None else why_ended(key, clock.now_ms())
    if key is None or reason is not None:
        _denials.note(str(reason), f"ticket of key {key_id} from {address}")
        return None
    return key.caller


def _denied_request(reason: str, address: str) -> dict[str, Any]:
    _denials.note(reason, f"from {address}")
    return {"isAuthorized": False}


def _policy(resource: str, context: Context | None) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": "Deny" if context is None else "Allow", "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    if context is None:
        return {"principalId": "nobody", "policyDocument": policy}
    return {"principalId": context["account"], "policyDocument": policy, "context": context}
