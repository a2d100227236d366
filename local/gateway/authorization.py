"""Asks the authorizer about each request, as API Gateway does: a request in, one that says whom it is from on."""

from starlette.types import ASGIApp, Receive, Scope, Send

from orderflow.runtime.access import OPEN_CONTEXT

_OPEN_EVENT = {"requestContext": {"authorizer": {"lambda": OPEN_CONTEXT}}}


class Authorization:
    """An application behind the authorizer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Where Mangum puts the event on Lambda.
        scope["aws.event"] = _OPEN_EVENT
        await self._app(scope, receive, send)
