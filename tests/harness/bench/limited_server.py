"""The front door with accounts that have limits, on the Redis at REDIS_URL: `… limited_server PORT`.

The first part of a path is the account that a request is from: /a/api/orders/execute.
"""

import gc
import sys
from functools import partial

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from local.gateway.connection_limits import ConnectionLimits
from local.gateway.http_protocol import HttpProtocol
from local.gateway.routes import http_api
from orderflow.domain.access import Caller, Limits, Permission, Rate
from orderflow.runtime.access import context_of
from tests.support.ports import HOST

MANY = 10_000
WITHIN, BEYOND, FREE = "a", "b", "free"
LIMIT = Rate(per_second=50, burst=100)
"""That of BEYOND, the usual one. WITHIN has more than it uses, FREE has none."""
_ORDERS = {WITHIN: Limits(orders=Rate(10_000, 10_000)), BEYOND: Limits(orders=LIMIT), FREE: None}
_EVENTS = {
    account: {
        "requestContext": {
            "authorizer": {"lambda": context_of(Caller(account, frozenset[Permission](("trade",)), account, limits))}
        }
    }
    for account, limits in _ORDERS.items()
}


def by_account(app: ASGIApp) -> ASGIApp:
    """Return `app` behind what names the account of each request."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        _, account, path = scope["path"].split("/", 2)
        await app({**scope, "path": f"/{path}", "aws.event": _EVENTS[account]}, receive, send)

    return serve


def main(port: int) -> None:
    """Serve until SIGTERM."""
    config = uvicorn.Config(
        by_account(http_api()),
        host=HOST,
        port=port,
        loop="uvloop",
        # uvicorn only calls it.
        http=partial(HttpProtocol, limits=ConnectionLimits(MANY, MANY)),  # type: ignore[arg-type]
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_level="warning",
    )
    gc.freeze()
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
