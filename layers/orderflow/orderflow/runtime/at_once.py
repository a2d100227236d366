"""Work in threads that is kept small, so that it leaves the processor to what is more urgent (decision 0052)."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from orderflow.errors import OverloadedError

Result = TypeVar("Result")


class AtOnce:
    """Does work in `threads` threads of its own; so many callers wait for theirs, and any further caller is refused.

    Accounts take turns, whatever each of them asks for: the one that waits for most is refused, and not who comes with
    less. `limit` is the name of the setting that says how many.
    """

    def __init__(self, limit: str, most: int, threads: int) -> None:
        self._limit = limit
        self._most = most
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=limit)
        self._under_way = 0
        self._free = threads
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Those of each account that wait for a thread; the account whose turn is next comes first."""

    async def run(self, work: Callable[..., Result], *arguments: Any, account: str = "") -> Result:
        """Return what `work` returns. Raises OverloadedError, and does nothing, when too many wait."""
        if self._under_way >= self._most:
            self._make_room(account)
        self._under_way += 1
        try:
            await self._turn(account)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)
            finally:
                self._pass_on()
        finally:
            self._under_way -= 1

    def _make_room(self, account: str) -> None:
        """Refuse the last caller of the account that waits for most, or the one that is here."""
        error = OverloadedError(self._limit, f"{self._under_way} at once")
        most = max(self._waiting.values(), key=len, default=None)
        if most is None or len(most) <= len(self._waiting.get(account, ())) + 1:
            raise error
        last = most.pop()
        if not last.done():  # else it was cancelled just now, and leaves its place by itself
            last.set_exception(error)

    async def _turn(self, account: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # its turn had come
            else:
                self._forget(turn, account)
            raise

    def _forget(self, turn: asyncio.Future[None], account: str) -> None:
        waiting = self._waiting.get(account, deque())
        if turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[account]

    def _pass_on(self) -> None:
        """Give a thread that is free to the next account."""
        while self._waiting:
            account, turns = next(iter(self._waiting.items()))
            del self._waiting[account]
            turn = turns.popleft()
            if turns:
                self._waiting[account] = turns  # at the end
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
