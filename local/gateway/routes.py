"""The HTTP API on this machine: a request in, served by the function that the template routes it to."""

from collections.abc import Awaitable, Mapping
from functools import cache
from http import HTTPStatus
from importlib import import_module
from typing import Generic, TypeVar

from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from local.settings import ROOT
from local.template import Template, read_template
from orderflow.runtime.http.problems import problem, shown

Served = TypeVar("Served")


class Routes(Generic[Served]):
    """The template's HTTP routes: which of the `functions`, by their names, is for a request.

    As API Gateway does it, /api/orders/execute goes before /api/orders/{order_id}.
    """

    def __init__(self, template: Template, functions: Mapping[str, Served]) -> None:
        routes = [
            (route, functions[function.name]) for function in template.functions for route in function.http_routes
        ]
        routes.sort(key=lambda routed: "{" in routed[0].path)
        self._at_once = {(route.method, route.path): function for route, function in routes}
        self._patterns = [(compile_path(route.path)[0], route.method, function) for route, function in routes]

    def find(self, method: str, path: str) -> Served | None:
        """Return what is for a request, or None when nothing takes it."""
        return self._at_once.get((method, path)) or self._search(method, path)

    def methods(self, path: str) -> list[str]:
        """Return the methods that are taken at a path, whichever function takes them."""
        return sorted({taken for pattern, taken, _ in self._patterns if pattern.match(path)})

    def _search(self, method: str, path: str) -> Served | None:
        at_path = ((taken, function) for pattern, taken, function in self._patterns if pattern.match(path))
        return next((function for taken, function in at_path if taken == method), None)


@cache
def http_api() -> ASGIApp:
    """Return the HTTP API of template.yaml, in which each function's application serves its routes."""
    template = read_template(ROOT / "template.yaml")
    names = [function.name for function in template.functions if function.http_routes]
    routes: Routes[ASGIApp] = Routes(template, {name: import_module(f"functions.{name}.app").app for name in names})

    # No coroutine of its own, which every step of a request would pass through.
    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = routes.find(scope["method"], scope["path"]) or _refusal(routes, scope)
        return app(scope, receive, send)

    return serve


def _refusal(routes: Routes[ASGIApp], scope: Scope) -> ASGIApp:
    """Return the answer to what no function takes. To a method API Gateway answers 404 too, which says less."""
    path, methods = shown(scope["path"]), routes.methods(scope["path"])
    if not methods:
        return problem(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")
    detail = f"{path} does not take {shown(scope['method'])}"
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"allow": ", ".join(methods)})
