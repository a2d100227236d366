"""Clients that try to see and to change orders of other accounts, all the time, and what they were answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random

from local.client.api import Client
from local.client.status_socket import StatusSocket
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.workload.accounts import Accounts
from tests.harness.chaos.workload.followers import FOR_NOW
from tests.harness.chaos.workload.requests import answer_to
from tests.harness.chaos.workload.watchers import BACK_OFF_S, BROKEN

EVERY_S = 0.1
ANSWER_S = 5.0
PAGE = 100
NOT_THERE = "unknown order"

Posts = Callable[[], Sequence[Post]]


class Intruders:
    """One client of each account that trades at `url`; its victims are drawn from the `posts` of the others."""

    def __init__(self, url: str, accounts: Accounts, seed: int, posts: Posts) -> None:
        self.tries = 0
        self.trespasses: list[str] = []
        self._url = url
        self._accounts = accounts
        self._random = Random(f"intruders:{seed}")
        self._posts = posts

    async def run(self) -> None:
        """Try until cancelled; where there is one account only there is nobody to intrude on."""
        if len(self._accounts.traders) < 2:
            return
        async with self._accounts.clients(self._url) as clients, asyncio.TaskGroup() as intruders:
            for account in self._accounts.traders:
                intruders.create_task(self._ask(account, clients[account]))
                intruders.create_task(self._watch(account, clients[account]))

    async def lists(self) -> Mapping[str, Sequence[str]]:
        """Return the ids of all orders that each account lists, page by page; the system is at rest."""
        async with self._accounts.clients(self._url) as clients:
            return {account: await _all_ids(client) for account, client in clients.items()}

    async def _ask(self, account: str, client: Client) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            if victim := self._victim(account):
                await self._try(account, client, victim)

    async def _try(self, account: str, client: Client, order_id: str) -> None:
        requests = {
            "get": lambda: client.get(f"/api/orders/{order_id}"),
            "cancel": lambda: client.cancel(order_id),
            "amend": lambda: client.amend(order_id, {"amount": "0.001"}),
            "cancel with others": lambda: client.cancel_each([order_id]),
            "slices of": lambda: client.get(f"/api/orders?parent_id={order_id}"),
        }
        name = self._random.choice(list(requests))
        answer = await answer_to(requests[name]())
        if isinstance(answer, str) or answer.status == 503:
            return
        self.tries += 1
        match name:
            case "cancel with others":
                [result] = answer.json()["results"] if answer.status in (200, 207) else [{}]
                status = result.get("problem", {}).get("status")
                is_hidden = status in (404, 503)
            case "slices of":
                is_hidden = answer.status == 200 and answer.json()["orders"] == []
            case _:
                is_hidden = answer.status == 404
        if not is_hidden:
            said = answer.body[:200].decode(errors="replace")
            self.trespasses.append(f"{order_id}: {account} was answered {answer.status} {said} to {name}")

    async def _watch(self, account: str, client: Client) -> None:
        while True:
            with suppress(*BROKEN):
                async with client.open_socket() as socket:
                    while True:
                        await asyncio.sleep(EVERY_S)
                        if victim := self._victim(account):
                            await self._try_to_watch(account, socket, victim)
            await asyncio.sleep(BACK_OFF_S)

    async def _try_to_watch(self, account: str, socket: StatusSocket, order_id: str) -> None:
        await socket.subscribe(order_id, as_json=True)
        frame = (await socket.receive(ANSWER_S)).content
        if str(frame.get("error", "")).startswith(FOR_NOW):
            return
        self.tries += 1
        if frame.get("error") != NOT_THERE:
            self.trespasses.append(f"{order_id}: {account} received {frame} on a socket")

    def _victim(self, account: str) -> str | None:
        """Return an order of another account, one of the latest as often as any; None where there is none yet."""
        posts = self._posts()
        if not posts:
            return None
        latest = self._random.random() < 0.5
        post = self._random.choice(posts[-50:] if latest else posts)
        return min(post.order_ids) if post.sure and post.account != account else None


async def _all_ids(client: Client) -> list[str]:
    ids: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"/api/orders?limit={PAGE}{cursor}")).json()
        ids += [order["order_id"] for order in page["orders"]]
        if not page.get("next_cursor"):
            return ids
        cursor = f"&cursor={page['next_cursor']}"
