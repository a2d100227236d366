"""Waits until a system is at rest: no order under way, no stream with entries, dead letters sent on their way again."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from orderflow.adapters.dead_letters import DeadLetters
from orderflow.errors import RejectedError
from tests.harness.chaos.history.contents import read_ended, read_lengths
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.watchers import Watchers

DRAIN_S = 60.0
WATCH_S = 15.0
POLL_S = 0.25


class Drained(NamedTuple):
    """How a system came to rest: after how many seconds, None where it did not; and how many dead letters it had again.

    Only dead letters whose order had not ended count.
    """

    after_s: float | None
    redriven: int


async def drain(system: SystemUnderTest, load: OpenLoop, watchers: Watchers) -> Drained:
    """Wait until every order has ended, every stream is empty and every watcher has seen the ends.

    Dead letters are redriven, and every post that has a key is repeated, once the system is at rest.
    """
    started = time.monotonic()
    await _in_time(lambda: _is_empty(system))
    redriven = await asyncio.to_thread(_redrive_all, system)
    at_rest = await _in_time(lambda: _is_empty(system) and _have_ended(system, load.posts))
    after_s = time.monotonic() - started if at_rest else None
    await load.repeat_all()
    until = time.monotonic() + WATCH_S
    while not watchers.satisfied and time.monotonic() < until:
        await asyncio.sleep(POLL_S)
    return Drained(after_s, redriven)


async def _in_time(condition: Callable[[], bool]) -> bool:
    """Wait until `condition` holds; return False when it did not in time."""
    until = time.monotonic() + DRAIN_S
    while time.monotonic() < until:
        if await asyncio.to_thread(condition):
            return True
        await asyncio.sleep(POLL_S)
    return False


def _redrive_all(system: SystemUnderTest) -> int:
    """Send on their way again all dead letters whose orders have not ended; return how many those were."""
    redriven = 0
    with system.redis() as client:
        dead_letters = DeadLetters(client, system.partitions)
        for letter in list(dead_letters.all()):
            with suppress(RejectedError):
                dead_letters.redrive(letter)
                redriven += 1
    return redriven


def _is_empty(system: SystemUnderTest) -> bool:
    with system.redis() as client:
        return not any(read_lengths(client, system.partition_count).values())


def _have_ended(system: SystemUnderTest, posts: Sequence[Post]) -> bool:
    ended = read_ended(system.database_url)
    return all(post.order_ids <= ended for post in posts)
