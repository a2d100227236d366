"""The authorizer in memory: knows texts of keys, and tickets."""

from collections.abc import Mapping
from typing import Any

from functions.authorize_request.authorizer import UnauthorizedError
from orderflow.domain.access import Caller, Limits
from orderflow.runtime.access import Context, context_of
from tests.support.fakes.outage import Outage


class FakeAuthorizer(Outage):
    """Answers as authorize_request does; remembers what it was asked."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.tickets: dict[str, Caller] = {}
        self.revoked: set[str] = set()
        self.requests: list[Mapping[str, Any]] = []
        self.handshakes: list[Mapping[str, Any]] = []
        self.looked_at: list[str] = []

    def add(self, text: str, *permissions: Any, account: str = "alice", limits: Limits | None = None) -> str:
        """Know a key by its text, whose id is the same; return what a request has in its Authorization header."""
        self.callers[f"Bearer {text}"] = Caller(account, frozenset(permissions), text, limits)
        return f"Bearer {text}"

    async def authorize_http(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self._reach()
        self.requests.append(event)
        caller = self._good(self.callers.get(event["headers"]["authorization"]))
        return {"isAuthorized": True, "context": context_of(caller)} if caller else {"isAuthorized": False}

    async def authorize_socket(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self._reach()
        self.handshakes.append(event)
        authorization = event["headers"].get("authorization")
        ticket = (event["queryStringParameters"] or {}).get("ticket", "")
        if authorization is None and not ticket:
            raise UnauthorizedError
        caller = self._good(self.callers.get(authorization) if authorization else self.tickets.pop(ticket, None))
        return _policy(context_of(caller) if caller else None)

    async def is_good(self, key_id: str) -> bool:
        self.looked_at.append(key_id)
        self._reach()
        return key_id not in self.revoked

    def _good(self, caller: Caller | None) -> Caller | None:
        return None if caller is None or caller.key_id in self.revoked else caller


def _policy(context: Context | None) -> dict[str, Any]:
    effect = "Deny" if context is None else "Allow"
    return {"principalId": "x", "policyDocument": {"Statement": [{"Effect": effect}]}, "context": context}
