"""Clients that watch many orders on one socket each, open a new socket when it breaks, and note what they receive.

The orders that an order makes, its slices or its exits, are watched with it.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import aiohttp

from local.client.api import Client, RefusedUpgradeError, UnreachableError
from local.client.status_socket import Frame, SocketClosedError, StatusSocket
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.workload.accounts import OPEN, Accounts

BACK_OFF_S = 0.2
ASK_AGAIN_S = 0.5

BROKEN = (SocketClosedError, RefusedUpgradeError, UnreachableError, aiohttp.ClientError, TimeoutError, OSError)


class Watcher:
    """One client of an account, with one socket at a time.

    `strays` are the orders of which it received something without having asked for it.
    """

    def __init__(self, account: str) -> None:
        self.seen: dict[str, Sightings] = {}
        self.strays: set[str] = set()
        self.reconnections = -1
        self.account = account
        self._socket: StatusSocket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, order_id: str) -> None:
        """Watch an order from now on; do nothing where it is watched already."""
        if order_id in self.seen:
            return
        self.seen[order_id] = Sightings(order_id)
        if self._socket is not None:
            self._subscribe(self._socket, order_id)

    async def run(self, client: Client) -> None:
        """Read until cancelled, on a new connection whenever the last one has broken."""
        while True:
            with suppress(*BROKEN):
                await self._read_one_connection(client)
            self._socket = None
            await asyncio.sleep(BACK_OFF_S)

    async def _read_one_connection(self, client: Client) -> None:
        async with client.open_socket() as socket:
            self.reconnections += 1
            self._socket = socket
            for order_id, sightings in self.seen.items():
                if not sightings.ended:
                    self._subscribe(socket, order_id)
            while True:
                self._note(socket, await socket.receive())

    def _subscribe(self, socket: StatusSocket, order_id: str) -> None:
        self.seen[order_id].connections.append([])
        self._send(socket, order_id)

    def _send(self, socket: StatusSocket, order_id: str, after_s: float = 0) -> None:
        async def send() -> None:
            await asyncio.sleep(after_s)
            with suppress(*BROKEN):
                await socket.subscribe(order_id)

        task = asyncio.create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, socket: StatusSocket, frame: Frame) -> None:
        sightings = self.seen.get(frame.order_id or "")
        if sightings is None:
            self.strays |= {frame.order_id} if frame.order_id else set()
            return
        error = str(frame.content.get("error", ""))
        if error.startswith("unavailable"):
            sightings.asked_again += 1
            self._send(socket, sightings.order_id, ASK_AGAIN_S)
        elif error:
            sightings.problems.append(error)
        else:
            sightings.note(frame.content["sequence"], str(frame.status), time.time())
            if (child_id := frame.content.get("child_id")) is not None:
                self.watch(child_id)


class Watchers:
    """Several watchers of each account that trades, which share its orders."""

    def __init__(self, url: str, count: int, accounts: Accounts = OPEN) -> None:
        self._url = url
        self._accounts = accounts
        traders = accounts.traders
        self._by_account = {name: [Watcher(name) for _ in range(-(-count // len(traders)))] for name in traders}
        self._next = 0

    @property
    def all(self) -> Sequence[Watcher]:
        """Each of them."""
        return [watcher for watchers in self._by_account.values() for watcher in watchers]

    def watch(self, order_id: str, account: str) -> None:
        """Have one of the account's watch an order."""
        self._next += 1
        watchers = self._by_account[account]
        watchers[self._next // len(self._by_account) % len(watchers)].watch(order_id)

    @property
    def seen(self) -> list[Sightings]:
        """What all of them received."""
        return [sightings for watcher in self.all for sightings in watcher.seen.values()]

    @property
    def satisfied(self) -> bool:
        """Whether each has seen the end of all that it watches."""
        return all(sightings.ended for sightings in self.seen)

    async def run(self) -> None:
        """Read until cancelled."""
        async with self._accounts.clients(self._url) as clients, asyncio.TaskGroup() as readers:
            for watcher in self.all:
                readers.create_task(watcher.run(clients[watcher.account]))
