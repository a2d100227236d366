"""Something that runs beside a measurement for as long as that lasts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

CANCEL_AGAIN_S = 0.1


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` beside what happens in the context, and cancel it at the end; raise what it raised before."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        # A library that is cancelled just as it has its answer may go on as if nothing had been.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_AGAIN_S)
    if not task.cancelled():
        task.result()
