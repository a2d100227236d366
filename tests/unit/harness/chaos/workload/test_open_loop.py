"""Chaos' clients of batches: what they repeat, and what they hold against an answer."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from local.client.api import Client
from tests.harness.chaos.workload import open_loop
from tests.harness.chaos.workload.accounts import Accounts
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.support.echo_server import against_server
from tests.support.waiting import eventually

BUSY: dict[str, Any] = {"problem": {"status": 503}}
REUSED: dict[str, Any] = {"problem": {"status": 422}}
RETRY = {"Retry-After": "1"}


def test_of_a_batch_only_the_orders_whose_fate_is_not_known_are_sent_again() -> None:
    requests: list[list[str]] = []
    watched: list[str] = []

    async def judge(request: web.Request) -> web.Response:
        names = [order["client_order_id"] for order in (await request.json())["orders"]]
        requests.append(names)
        if len(requests) == 1:
            return web.Response(status=503, headers=RETRY)
        first = {"a": BUSY, "b": REUSED, "c": {"order": {"order_id": "id of c"}}}
        accepted = {name: {"order": {"order_id": f"id of {name}"}} for name in names}
        results = [(first if len(requests) == 2 else accepted)[name] for name in names]
        return web.json_response({"results": results}, status=207, headers=RETRY)

    async def test(client: Client) -> None:
        load = OpenLoop(client.base_url, seed=1, accepted=lambda post: watched.append(min(post.order_ids)))
        posts = [load.new_post(name, key_in_body=True) for name in "abc"]

        await load.place_batch(client, posts)

        a, b, c = posts
        assert requests == [["a", "b", "c"], ["a", "b", "c"], ["a"]]
        assert (a.order_ids, b.order_ids, c.order_ids) == ({"id of a"}, set(), {"id of c"})
        assert (a.unexpected, len(b.unexpected), c.unexpected) == ([], 1, [])
        assert watched == ["id of a", "id of c"]

    against_server(test, post=judge)


def test_an_order_of_a_batch_that_is_refused_for_now_without_a_time_is_held_against_the_answer() -> None:
    async def judge(_request: web.Request) -> web.Response:
        return web.json_response({"results": [BUSY]}, status=207)

    async def test(client: Client) -> None:
        load = OpenLoop(client.base_url, seed=1, accepted=lambda _: None)
        post = load.new_post("a", key_in_body=True)

        await load.place_batch(client, [post])

        assert (post.sure, len(post.unexpected)) == (False, 1)

    against_server(test, post=judge)


def test_accounts_take_turns_with_the_same_keys_and_repeat_their_own_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "BATCHES", 0.0)
    monkeypatch.setattr(open_loop, "KEYED", 1.0)
    seen: list[tuple[str, str]] = []

    async def judge(request: web.Request) -> web.Response:
        said = f"{request.headers['Authorization']} {request.headers.get('Idempotency-Key', '')}"
        seen.append((said, (await request.json())["amount"]))
        return web.json_response({"order_id": f"{len(seen)}"}, status=202)

    async def test(client: Client) -> None:
        accounts = Accounts({"home": "key of home", "alpha": "key of alpha", "beta": "key of beta"}, "home")
        load = OpenLoop(client.base_url, seed=1, accepted=lambda _: None, accounts=accounts)
        stop = asyncio.Event()
        running = asyncio.create_task(load.run(500, stop))
        await asyncio.to_thread(eventually, lambda: len(load.posts) >= 20)
        stop.set()
        await running

        assert {post.account for post in load.posts} == {"alpha", "beta"}
        assert load.new_post("probe").account == "home"
        keys = {account: {post.key for post in load.posts if post.account == account} for account in ("alpha", "beta")}
        assert keys["alpha"] >= keys["beta"] >= {"chaos-0", "chaos-1"}
        first = {post.identity.amount: post.account for post in load.posts}
        await load.repeat_all()
        assert all(said.startswith(f"Bearer key of {first.get(amount, 'home')}") for said, amount in seen)

    against_server(test, post=judge)


OVER: dict[str, Any] = {
    "problem": {"status": 400, "errors": [{"field": "expires_at", "rule": "must be in the future"}]}
}


@pytest.mark.parametrize(
    ("order_type", "is_known", "late"), [("sniper", False, True), ("sniper", True, False), ("limit", False, False)]
)
def test_an_order_whose_launch_was_over_is_no_order(order_type: str, is_known: bool, late: bool) -> None:
    async def judge(_request: web.Request) -> web.Response:
        errors = [{"field": "target.mint", "rule": "must be that of a token to come: MOON0 trades already"}]
        return web.json_response({"status": 400, "errors": errors}, status=400)

    async def test(client: Client) -> None:
        load = OpenLoop(client.base_url, seed=1, accepted=lambda _: None)
        post = load.new_post("a")
        post.conditions = {"order_type": order_type, "target": {"mint": "a mint"}}
        post.order_ids |= {"known"} if is_known else set()

        await load.place(client, post)

        assert (post.too_late, len(post.unexpected)) == (late, 0 if late else 1)

    against_server(test, post=judge)


def test_an_order_that_is_too_late_for_its_launch_and_its_end_is_refused_rightly() -> None:
    async def judge(_request: web.Request) -> web.Response:
        errors = [{"field": "expires_at", "rule": "is over"}, {"field": "target.mint", "rule": "trades already"}]
        return web.json_response({"status": 400, "errors": errors}, status=400)

    async def test(client: Client) -> None:
        load = OpenLoop(client.base_url, seed=1, accepted=lambda _: None)
        late, early = (load.new_post(name) for name in "ab")
        for post, year in ((late, 2020), (early, 2999)):
            post.conditions = {"order_type": "sniper", "target": {}, "expires_at": f"{year}-01-01T00:00:00Z"}
            await load.place(client, post)

        assert [(post.too_late, len(post.unexpected)) for post in (late, early)] == [(True, 0), (False, 1)]

    against_server(test, post=judge)


@pytest.mark.parametrize(
    ("expires_at", "is_known", "late", "unexpected"),
    [
        ("2020-01-01T00:00:00Z", False, True, 0),
        ("2020-01-01T00:00:00Z", True, False, 1),
        ("2999-01-01T00:00:00Z", False, False, 1),
        (None, False, False, 1),
    ],
)
def test_an_order_that_could_not_be_made_in_time_is_refused_rightly(
    expires_at: str | None, is_known: bool, late: bool, unexpected: int
) -> None:
    async def judge(request: web.Request) -> web.Response:
        if request.path.endswith("batch"):
            return web.json_response({"results": [OVER]}, status=207)
        return web.json_response(OVER["problem"], status=400)

    async def test(client: Client) -> None:
        load = OpenLoop(client.base_url, seed=1, accepted=lambda _: None)
        posts = [load.new_post("a", key_in_body=in_body) for in_body in (True, False)]
        for post in posts:
            post.conditions = {"order_type": "limit"} | ({"expires_at": expires_at} if expires_at else {})
            post.order_ids |= {"known"} if is_known else set()

        await load.place_batch(client, posts[:1])
        await load.place(client, posts[1])

        assert [(post.too_late, len(post.unexpected)) for post in posts] == [(late, unexpected)] * 2

    against_server(test, post=judge)
