"""Clients that follow all orders of their accounts on the channel `orders`, and resume where they were cut off."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from local.client.api import Client
from local.client.status_socket import StatusSocket
from tests.harness.chaos.history.feed import Feed
from tests.harness.chaos.history.standings import Standing
from tests.harness.chaos.workload.accounts import Accounts
from tests.harness.chaos.workload.watchers import BACK_OFF_S, BROKEN
from tests.harness.own_system import SystemNotReadyError

POLL_S = 0.05
SUBSCRIBED_WITHIN_S = 15.0
ASK_AGAIN_S = 1.1
"""A channel answers a socket once a second."""
FOR_NOW = ("unavailable", "too many requests", "the service stops")
"""Errors of a subscription that is to be made again: it was not made."""


class Follower:
    """One client of one account, with one socket at a time."""

    def __init__(self, account: str) -> None:
        self.feed = Feed(account)

    async def run(self, client: Client) -> None:
        """Read until cancelled, on a new connection whenever the last one has broken."""
        while True:
            with suppress(*BROKEN):
                async with client.open_socket() as socket:
                    self.feed.reconnections += 1
                    await self._read(socket)
            await asyncio.sleep(BACK_OFF_S)

    async def _read(self, socket: StatusSocket) -> None:
        await self._subscribe(socket)
        while True:
            frame = (await socket.receive()).content
            if str(frame.get("error", "")).startswith(FOR_NOW):
                await asyncio.sleep(ASK_AGAIN_S)
                await self._subscribe(socket)
            else:
                self.feed.note(frame)

    async def _subscribe(self, socket: StatusSocket) -> None:
        resume: Mapping[str, Any] = {} if self.feed.last is None else {"resume": self.feed.last}
        await socket.send_text(orjson.dumps({"action": "subscribe", "channel": "orders", **resume}).decode())


class Followers:
    """One follower of each account at `url`."""

    def __init__(self, url: str, accounts: Accounts) -> None:
        self._url = url
        self._accounts = accounts
        self._all = [Follower(account) for account in accounts.keys]

    @property
    def feeds(self) -> Sequence[Feed]:
        """What each of them has received."""
        return [follower.feed for follower in self._all]

    async def run(self) -> None:
        """Read until cancelled."""
        async with self._accounts.clients(self._url) as clients, asyncio.TaskGroup() as readers:
            for follower in self._all:
                readers.create_task(follower.run(clients[follower.feed.account]))

    async def are_subscribed(self) -> None:
        """Return when all are; raises SystemNotReadyError when that does not come to be."""
        try:
            async with asyncio.timeout(SUBSCRIBED_WITHIN_S):
                while any(feed.last is None for feed in self.feeds):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            said = [problem for feed in self.feeds for problem in feed.problems]
            raise SystemNotReadyError(f"the channel `orders` can't be followed: {said}") from None

    def have_seen_the_ends(self, standings: Mapping[str, Standing]) -> bool:
        """Return whether each has seen the end of every order of its account; all have ended."""
        return all(
            {order_id for order_id, standing in standings.items() if standing.account == feed.account} <= feed.ended
            for feed in self.feeds
        )
