"""The HTTP API on this machine: a request in, served by the function that the template routes it to."""

from collections.abc import Awaitable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from importlib import import_module
from typing import Generic, TypeVar

from fastapi import FastAPI
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from local.gateway import market
from local.gateway.authorization import Guard
from local.settings import ROOT
from local.template import FunctionTemplate, HttpRoute, Template, read_template
from orderflow.runtime.http.problems import problem, shown

Served = TypeVar("Served")

ROUTE = "orderflow.route"
"""In a request's scope, the path of the route that serves it, as the template has it: /api/orders/{order_id}."""


class Routes(Generic[Served]):
    """HTTP routes: what is served at a request's.

    As API Gateway does it, /api/orders/execute goes before /api/orders/{order_id}.
    """

    def __init__(self, served: Iterable[tuple[HttpRoute, Served]]) -> None:
        routes = sorted(served, key=lambda routed: "{" in routed[0].path)
        self._at_once = {(route.method, route.path): function for route, function in routes}
        self._patterns = [(compile_path(route.path)[0], route.method, function) for route, function in routes]

    @classmethod
    def of(cls, template: Template, functions: Mapping[str, Served]) -> "Routes[Served]":
        """Return the template's routes, served by its `functions`, by their names."""
        each = ((route, function) for function in template.functions for route in function.http_routes)
        return cls((route, functions[function.name]) for route, function in each)

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
def http_api(guard: Guard | None = None, *, market_by_hand: bool = False) -> ASGIApp:
    """Return the HTTP API of template.yaml, in which each function's application serves its routes.

    Those that are not public are behind the `guard`. With `market_by_hand` there is the market's route too.
    """
    every = _routed_apps()
    if market_by_hand:
        every = (*every, (HttpRoute(market.METHOD, market.PATH), market.market_app()))
    routes: Routes[ASGIApp] = Routes((route, _guarded(guard, route, app)) for route, app in every)

    # No coroutine of its own, which every step of a request would pass through.
    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = routes.find(scope["method"], scope["path"]) or _refusal(routes, scope)
        return app(scope, receive, send)

    return serve


@cache
def _routed_apps() -> tuple[tuple[HttpRoute, FastAPI], ...]:
    """Return the template's routes, each with the application of its function."""
    functions = read_template(ROOT / "template.yaml").functions
    return tuple((route, _app_of(function)) for function in functions for route in function.http_routes)


def _app_of(function: FunctionTemplate) -> FastAPI:
    app: FastAPI = import_module(f"functions.{function.name}.app").app
    return app


def _guarded(guard: Guard | None, route: HttpRoute, app: FastAPI) -> ASGIApp:
    served = app if guard is None or route.is_public else guard(app, f"{route.method} {route.path}")

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope[ROUTE] = route.path
        return served(scope, receive, send)

    return serve


def _refusal(routes: Routes[ASGIApp], scope: Scope) -> ASGIApp:
    """Return the answer to what no function takes. To a method API Gateway answers 404 too, which says less."""
    path, methods = shown(scope["path"]), routes.methods(scope["path"])
    if not methods:
        return problem(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")
    detail = f"{path} does not take {shown(scope['method'])}"
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"allow": ", ".join(methods)})
