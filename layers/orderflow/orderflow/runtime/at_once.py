"""Work in threads that is kept small, so that it leaves the processor to what is more urgent (decision 0052)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from orderflow.errors import OverloadedError

Result = TypeVar("Result")


class AtOnce:
    """Does work in `threads` threads of its own; so many callers wait for theirs, and any further caller is refused.

    `limit` is the name of the setting that says how many.
    """

    def __init__(self, limit: str, most: int, threads: int) -> None:
        self._limit = limit
        self._most = most
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=limit)
        self._under_way = 0

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Return what `work` returns. Raises OverloadedError, and does nothing, when too many wait."""
        if self._under_way >= self._most:
            raise OverloadedError(self._limit, f"{self._under_way} at once")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)
        finally:
            self._under_way -= 1
