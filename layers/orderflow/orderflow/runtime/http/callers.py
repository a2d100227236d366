"""Lets requests in whose caller is known, may do what they ask for, and is within the limits of their account.

Who a caller is was decided before, by `authorize_request`; API Gateway, or the local one, hands on what it said. A
request that no authorizer has seen is a fault.
"""

from collections.abc import Collection, Mapping
from http import HTTPStatus

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from orderflow.domain.access import Caller, Permission
from orderflow.errors import OverloadedError
from orderflow.runtime.access import NoCallerError, caller_of
from orderflow.runtime.http.limits import Charges, Spending, begin_spending
from orderflow.runtime.http.problems import ProblemError, overloaded, problem
from orderflow.runtime.logging import get_logger

_WHAT: dict[Permission, str] = {
    "read": "read",
    "trade": "trade",
    "market": "let the market's time pass",
    "admin": "run the engine",
}
_KEY = "caller"


class CallerCheck:
    """An application behind the check; `permissions` says which one each method needs, `charges` what requests cost."""

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        permissions: Mapping[str, Permission],
        charges: Charges,
        public: Collection[str],
    ) -> None:
        self._app = app
        self._service = service
        self._permissions = permissions
        self._charges = charges
        self._public = frozenset(public)
        self._below = tuple(path for path in public if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._public or scope["path"].startswith(self._below):
            await self._app(scope, receive, send)
            return
        try:
            caller = caller_of(scope.get("aws.event") or {})
        except NoCallerError as error:
            get_logger(self._service).error("no caller", extra={"path": scope["path"], "error": str(error)})
            detail = "something went wrong here; the log says what"
            await problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)(scope, receive, send)
            return
        needed = self._permissions.get(scope["method"])
        if needed is not None and not caller.may(needed):
            # It costs nothing: a key that may only read could else use up what others of its account trade with.
            await problem(HTTPStatus.FORBIDDEN, f"this key may not {_WHAT[needed]}")(scope, receive, send)
            return
        scope[_KEY] = caller
        if caller.limits is None:
            await self._app(scope, receive, send)
            return
        spending = begin_spending(scope, caller, self._charges(scope))
        serve = await _refusal(spending) or self._app
        await serve(scope, receive, spending.answering(send))


async def _refusal(spending: Spending) -> Response | None:
    """Spend what a request costs, and return the answer to one that is beyond a limit."""
    try:
        await spending.begin()
    except ProblemError as error:
        return error.answer
    except OverloadedError as error:
        return overloaded(error.limit)
    return None


def caller(request: Request) -> Caller:
    """Return whom a request is from."""
    found: Caller = request.scope[_KEY]
    return found
