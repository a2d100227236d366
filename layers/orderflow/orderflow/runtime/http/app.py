"""What each function of the HTTP API is made of: an application without routes, and its entry on Lambda."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from orderflow import __version__
from orderflow.domain.access import Permission
from orderflow.runtime.http.access_documentation import document_access
from orderflow.runtime.http.callers import CallerCheck
from orderflow.runtime.http.limits import ONE_READ, Charges
from orderflow.runtime.http.limits_documentation import document_limits
from orderflow.runtime.http.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE
from orderflow.runtime.http.problems import answer_problems
from orderflow.runtime.observability import traced

TITLE = "Orderflow"
TEXT_MEDIA_TYPES = [*DEFAULT_TEXT_MIME_TYPES, PROBLEM_MEDIA_TYPE]


def http_app(
    service: str,
    permissions: Mapping[str, Permission],
    charges: Charges = lambda _scope: ONE_READ,
    public: Collection[str] = (),
) -> FastAPI:
    """Return an application that answers errors as problem documents; the log names them by `service`.

    Each request has a caller (`callers.caller`) with the permission that its method needs, and is counted against the
    limits of that caller's account as `charges` says; but those of paths that are `public`, of which one that ends in
    `/` stands for all below it.

    It has no page and no document of its own: those of the whole API are read_orders'.
    """
    app = FastAPI(
        title=TITLE,
        version=__version__,
        description="Submit an order here, then watch it by sending its id to the WebSocket at /api/orders/status.",
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # see runtime/observability.py
        redirect_slashes=False,  # API Gateway knows the paths of the template and no others
    )
    app.add_middleware(CallerCheck, service=service, permissions=permissions, charges=charges, public=public)
    document_limits(app, public)
    document_access(app, public)
    answer_problems(app, service)  # around that
    return app


def on_lambda(app: FastAPI) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler that serves API Gateway's events (payload 2.0) with `app`."""
    # Without a lifespan: Mangum would run start-up and shutdown at every invocation.
    return traced(Mangum(app, lifespan="off", text_mime_types=TEXT_MEDIA_TYPES))
