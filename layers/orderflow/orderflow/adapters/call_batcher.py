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
        self._pending: list[tuple[Item, asyncio.Future[Reply]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._waiting = 0

    def add(self, item: Item) -> asyncio.Future[Reply]:
        """Send `item` with the next batch; the future has its reply, or the error that the batch raised.

        It has an OverloadedError, and nothing is sent, when MAX_WAITING calls wait for their reply already.
        """
        # A future each: a caller that is cancelled must not cancel the batch of the others.
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._waiting >= MAX_WAITING:
            reply.set_exception(OverloadedError("MAX_WAITING", self._name))
            return reply
        self._pending.append((item, reply))
        self._waiting += 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_pending())
        return reply

    async def _send_pending(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
            waiting = [reply for _, reply in batch]
            try:
                replies = await self._send([item for item, _ in batch])
                for reply, value in zip(waiting, replies, strict=True):
                    if not reply.done():
                        reply.set_result(value)
            except Exception as error:  # noqa: BLE001 - each caller raises it
                for reply in waiting:
                    if not reply.done():
                        reply.set_exception(error)
            finally:
                self._waiting -= len(batch)
                for reply in waiting:
                    reply.cancel()  # unless it is done: this task was cancelled
