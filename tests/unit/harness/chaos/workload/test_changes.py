"""Chaos' clients that change orders: what they repeat, what they note, and what they hold against an answer."""

from typing import Any

from aiohttp import web

from local.client.api import Client
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.workload.changes import Changes
from tests.support.echo_server import against_server

DONE: dict[str, Any] = {"status": "cancelled", "sequence": 3}
BUSY = {"status": 503}
RETRY = {"Retry-After": "1"}


def outcomes(changes: Changes) -> list[list[int]]:
    return [[answer.status for answer in change.answers] for change in changes.made]


def test_a_cancel_is_sent_again_until_it_is_answered_and_once_more_at_the_end() -> None:
    asked: list[str] = []

    async def judge(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(DONE) if len(asked) > 1 else web.Response(status=503, headers=RETRY)

    async def test(client: Client) -> None:
        changes = Changes(client.base_url, seed=1)

        await changes.cancel_all(["a"])
        await changes.repeat_all()

        assert asked == ["/api/orders/a"] * 3
        assert outcomes(changes) == [[200, 200]]
        assert changes.made[0].done is not None
        assert changes.made[0].done.document == DONE

    against_server(test, other=judge)


def test_of_cancels_sent_together_only_those_without_an_answer_are_sent_again() -> None:
    requests: list[list[str]] = []

    async def judge(request: web.Request) -> web.Response:
        requests.append((await request.json())["order_ids"])
        results = [
            {"order": DONE},
            {"order": {"status": "submitted", "cancel": "requested"}},
            {"problem": {"status": 409, "order_status": "confirmed"}},
            {"problem": {"status": 404}},
            {"problem": BUSY},
            {"problem": BUSY},
        ]
        chosen = results if len(requests) == 1 else [{"order": DONE}] * 2
        return web.json_response({"results": chosen}, status=207, headers=RETRY)

    async def test(client: Client) -> None:
        changes = Changes(client.base_url, seed=1)

        await changes.cancel_all(list("abcdef"))

        assert requests == [list("abcdef"), ["e", "f"]]
        assert outcomes(changes) == [[200], [202], [409], [], [200], [200]]
        assert [len(change.unexpected) for change in changes.made] == [0, 0, 0, 1, 0, 0]

    against_server(test, other=judge)


def test_an_amend_is_sent_once_and_a_lost_answer_leaves_it_unknown() -> None:
    asked: list[Any] = []

    async def judge(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.Response(status=503, headers=RETRY)

    async def test(client: Client) -> None:
        changes = Changes(client.base_url, seed=1)

        await changes.amend(client, "a", {"limit_price": "200"})

        assert asked == [{"limit_price": "200"}]
        assert [(change.fields, change.is_unknown, change.unexpected) for change in changes.made] == [
            ({"limit_price": "200"}, True, [])
        ]

    against_server(test, other=judge)


def test_before_and_after_the_run_nothing_is_changed() -> None:
    async def test(client: Client) -> None:
        changes = Changes(client.base_url, seed=1)

        for number in range(100):
            changes.consider(Post(Identity("SOL", "USDC", number), order_ids={"a"}))

        assert changes.made == []

    against_server(test)
