"""Chaos' clients that try to see others' orders: an answer that gives one up is noted, and one that hides it is not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from local.client.api import Client
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.workload import intruders
from tests.harness.chaos.workload.accounts import Accounts
from tests.harness.chaos.workload.intruders import Intruders
from tests.support.echo_server import against_server
from tests.support.waiting import eventually

TWO = Accounts({"home": None, "alpha": "key of alpha", "beta": "key of beta"}, "home")
ORDER = "01a20477-0e28-7d4b-9a3f-00000000beef"
HIDDEN: dict[str, Any] = {"status": 404}


def server(gives_up: str = "") -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return what hides an order from beta, but from requests that begin in one way."""

    async def judge(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer key of beta"
        is_given = bool(gives_up) and f"{request.method} {request.path_qs}".startswith(gives_up)
        if request.path.endswith("/cancel"):
            result = {"order": {"order_id": ORDER}} if is_given else {"problem": HIDDEN}
            return web.json_response({"results": [result]}, status=207)
        if "parent_id" in request.query:
            return web.json_response({"orders": [{"order_id": "a slice"}] if is_given else []})
        return web.json_response({"order_id": ORDER}) if is_given else web.json_response(HIDDEN, status=404)

    return judge


def tried(monkeypatch: pytest.MonkeyPatch, gives_up: str = "") -> Intruders:
    """Return intruders who have tried fifty times to see alpha's one order, and until it was given up if it ever is."""
    monkeypatch.setattr(intruders, "EVERY_S", 0.0)
    post = Post(Identity("SOL", "USDC", 1), order_ids={ORDER}, account="alpha")
    made: list[Intruders] = []

    async def test(client: Client) -> None:
        made.append(Intruders(client.base_url, TWO, 1, lambda: [post]))
        running = asyncio.create_task(made[0].run())
        # On a busy machine most of fifty tries may be frames.
        await asyncio.to_thread(eventually, lambda: made[0].tries >= 50 and (not gives_up or http_only(made[0]) != []))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    against_server(test, other=server(gives_up))
    return made[0]


def http_only(found: Intruders) -> list[str]:
    """Return what was noted of requests: sockets only echo here, which is no refusal."""
    return [trespass for trespass in found.trespasses if not trespass.endswith("on a socket")]


def test_a_frame_on_a_socket_that_is_no_refusal_is_a_trespass(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tried(monkeypatch).trespasses

    assert found
    assert all(trespass.startswith(f"{ORDER}: beta received ") for trespass in found)


def test_answers_that_hide_the_order_are_no_trespasses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http_only(tried(monkeypatch)) == []


@pytest.mark.parametrize(
    ("gives_up", "to"),
    [
        (f"GET /api/orders/{ORDER}", "get"),
        (f"DELETE /api/orders/{ORDER}", "cancel"),
        (f"PATCH /api/orders/{ORDER}", "amend"),
        ("POST /api/orders/cancel", "cancel with others"),
        ("GET /api/orders?parent_id", "slices of"),
    ],
)
def test_an_answer_that_gives_an_order_up_is_a_trespass(
    monkeypatch: pytest.MonkeyPatch, gives_up: str, to: str
) -> None:
    found = http_only(tried(monkeypatch, gives_up))

    assert found
    assert all(trespass.startswith(f"{ORDER}: beta was answered") for trespass in found)
    assert all(trespass.endswith(f" to {to}") for trespass in found)
