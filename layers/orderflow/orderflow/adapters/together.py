"""Concurrent calls in, shared trips out: while one trip is under way, what arrives waits and then travels together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from orderflow.errors import OverloadedError

MOST_PER_TRIP = 200
MAX_WAITING = 2_000
"""Beyond this the other side is too slow for what comes in, and whoever comes is turned away at once."""

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class Together(Generic[Item, Reply]):
    """Groups concurrent calls; `name` says of what, should too many wait."""

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[list[Reply]]], name: str = "") -> None:
        self._send = send
        self._name = name
        self._boarding: list[Item] = []
        self._trip: asyncio.Task[list[Reply]] | None = None
        self._open = False
        self._waiting = 0

    async def add(self, item: Item) -> Reply:
        """Send `item` with the next trip and return its reply; raise what the trip raised.

        Raises OverloadedError, and sends nothing, when MAX_WAITING calls wait for their reply already.
        """
        if self._waiting >= MAX_WAITING:
            raise OverloadedError("MAX_WAITING", self._name)
        if self._trip is None or not self._open or len(self._boarding) >= MOST_PER_TRIP:
            self._boarding = []
            self._open = True
            self._trip = asyncio.create_task(self._travel(self._boarding, self._trip))
        trip, seat = self._trip, len(self._boarding)
        self._boarding.append(item)
        self._waiting += 1
        # One caller that is cancelled must not take the others' trip with it.
        replies = await asyncio.shield(trip)
        return replies[seat]

    async def _travel(self, items: list[Item], previous: asyncio.Task[list[Reply]] | None) -> list[Reply]:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        if items is self._boarding:
            self._open = False
        try:
            return await self._send(items)
        finally:
            self._waiting -= len(items)
