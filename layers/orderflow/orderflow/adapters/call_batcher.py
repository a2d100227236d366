"""Concurrent calls in, batches out: calls that arrive while a batch is under way form the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from orderflow.errors import OverloadedError

MAX_BATCH = 200
MAX_WAITING = 2_000
"""Beyond this the other side is too slow for the calls that come in, and a further call is refused at once."""

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class CallBatcher(Generic[Item, Reply]):
    """Sends concurrent calls in batches; `name` says what they are for, in the error when too many wait."""

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[list[Reply]]], name: str = "") -> None:
        self._send = send
        self._name = name
        self._pending: list[Item] = []
        self._batch: asyncio.Task[list[Reply]] | None = None
        self._open = False
        self._waiting = 0

    async def add(self, item: Item) -> Reply:
        """Send `item` with the next batch and return its reply; raise what the batch raised.

        Raises OverloadedError, and sends nothing, when MAX_WAITING calls wait for their reply already.
        """
        if self._waiting >= MAX_WAITING:
            raise OverloadedError("MAX_WAITING", self._name)
        if self._batch is None or not self._open or len(self._pending) >= MAX_BATCH:
            self._pending = []
            self._open = True
            self._batch = asyncio.create_task(self._send_after(self._pending, self._batch))
        batch, index = self._batch, len(self._pending)
        self._pending.append(item)
        self._waiting += 1
        # The cancellation of one caller must not cancel the batch of the others.
        replies = await asyncio.shield(batch)
        return replies[index]

    async def _send_after(self, items: list[Item], previous: asyncio.Task[list[Reply]] | None) -> list[Reply]:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        if items is self._pending:
            self._open = False
        try:
            return await self._send(items)
        finally:
            self._waiting -= len(items)
