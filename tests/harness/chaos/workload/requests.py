"""One request of a client under faults: its answer, or why there is none, out."""

import asyncio
from collections.abc import Awaitable, Sequence

import aiohttp

from local.client.api import Answer, UnreachableError

ATTEMPT_TIMEOUT_S = 4.0
BACK_OFF_S = (0.1, 0.2, 0.4, 0.8, 1.0)
GIVE_UP_S = 60.0
"""How long a client repeats what may be repeated: longer than any fault and its recovery."""

NO_ANSWER, BROKEN = "no answer in time", "connection lost"
LOST = (aiohttp.ClientError, UnreachableError, TimeoutError, OSError)


async def answer_to(request: Awaitable[Answer], timeout_s: float = ATTEMPT_TIMEOUT_S) -> Answer | str:
    """Return the answer to a request, or why there is none."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request
    except LOST as error:
        return NO_ANSWER if isinstance(error, TimeoutError) else BROKEN


def problem_of(answer: Answer) -> str | None:
    """Return what is wrong with an answer to a valid request, other than that it was refused for now."""
    if answer.status != 503:
        return f"answered {answer.status} {answer.body[:200].decode(errors='replace')}"
    if not answer.headers.get("Retry-After"):
        return "answered 503 without Retry-After"
    return None


async def back_off(attempt: int, back_off_s: Sequence[float] = BACK_OFF_S) -> None:
    """Wait before the attempt after this one, counted from 0."""
    await asyncio.sleep(back_off_s[min(attempt, len(back_off_s) - 1)])
