"""Measures requests: how long each took until its answer was sent, by its route and status."""

import time
from collections import defaultdict
from collections.abc import Awaitable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from local.gateway.routes import ROUTE
from orderflow.runtime.metrics import Distribution, Values

UNROUTED = "none"
"""Stands for the route of what was refused before it had one: its path is the client's, and may be any."""
UNANSWERED = 0
"""Stands for the status of a request whose client left before its answer."""


class RequestTimes:
    """How long requests took, by method, route and status."""

    def __init__(self) -> None:
        self._times: defaultdict[tuple[str, str, int], Distribution] = defaultdict(Distribution)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._times[method, route, status].observe(seconds)

    def values(self) -> Values:
        """Return them as a scrape shows them."""
        return Values("request_ms", [((*of, str(status)), times) for (*of, status), times in self._times.items()])


class Measured:
    """An application whose requests are counted in `times`."""

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = UNANSWERED

        # No coroutine of its own, which each message would pass through.
        def noting(message: MutableMapping[str, Any]) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            self._times.add(scope["method"], scope.get(ROUTE, UNROUTED), status, seconds)
