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

    As API Gateway does it, /api/orders/execute goes before /api/orders/{order_id}. To a method that no function takes
    at a path API Gateway answers 404; here a function that has the path refuses it, as a client would want to know.
    """

    def __init__(self, template: Template, functions: Mapping[str, Served]) -> None:
        routes = [
            (route, functions[function.name]) for function in template.functions for route in function.http_routes
        ]
        routes.sort(key=lambda routed: "{" in routed[0].path)
        self._at_once = {(route.method, route.path): function for route, function in routes}
        self._patterns = [(compile_path(route.path)[0], route.method, function) for route, function in routes]

    def find(self, method: str, path: str) -> Served | None:
        """Return what is for a request, or None when nothing is at its path."""
        return self._at_once.get((method, path)) or self._search(method, path)

    def _search(self, method: str, path: str) -> Served | None:
        at_path = [(taken, function) for pattern, taken, function in self._patterns if pattern.match(path)]
        every = [function for _, function in at_path]
        return next((function for taken, function in at_path if taken == method), every[0] if every else None)


@cache
def http_api() -> ASGIApp:
    """Return the HTTP API of template.yaml, in which each function's application serves its routes."""
    template = read_template(ROOT / "template.yaml")
    names = [function.name for function in template.functions if function.http_routes]
    routes: Routes[ASGIApp] = Routes(template, {name: import_module(f"functions.{name}.app").app for name in names})

    # No coroutine of its own, which every step of a request would pass through.
    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = routes.find(scope["method"], scope["path"])
        if app is None:
            app = problem(HTTPStatus.NOT_FOUND, f"there is nothing at {shown(scope['path'])}")
        return app(scope, receive, send)

    return serve
