"""Waits until a system is at rest: nothing rests or is under way, no stream has entries, dead letters went again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from orderflow.adapters.dead_letters import DeadLetters
from orderflow.domain.lifecycle import RESTING, TERMINAL
from orderflow.errors import RejectedError
from tests.harness.chaos.history.contents import read_lengths
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.history.standings import Standing, read_standings
from tests.harness.chaos.mock_market import oldest_unread_tick_s
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.workload.changes import Changes
from tests.harness.chaos.workload.followers import Followers
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.watchers import Watchers

DRAIN_S = 60.0
WATCH_S = 15.0
POLL_S = 0.25


class Drained(NamedTuple):
    """How a system came to rest: after how many seconds, None where it did not; and how many dead letters it had again.

    Only dead letters whose order had not ended count. Of the prices before `judged_until_s`, in seconds since 1970, all
    had been worked through before what rested then was cancelled.
    """

    after_s: float | None
    redriven: int
    judged_until_s: float


async def drain(
    system: SystemUnderTest, load: OpenLoop, changes: Changes, watchers: Watchers, followers: Followers
) -> Drained:
    """Cancel what rests, and wait until every order has ended, every stream is empty and sockets have had the ends.

    Dead letters are redriven, and every post that has a key, and every cancel that was done, is repeated once the
    system is at rest.
    """
    started, judged_until_s = time.monotonic(), time.time()
    sweep = Sweep(system, changes)
    caught_up = await _in_time(lambda: asyncio.to_thread(_has_caught_up, system, judged_until_s))
    await _in_time(sweep.is_empty)
    redriven = await asyncio.to_thread(_redrive_all, system)
    at_rest = await _in_time(lambda: sweep.have_ended(load.posts))
    after_s = time.monotonic() - started if at_rest else None
    await load.repeat_all()
    await changes.repeat_all()
    until, standings = time.monotonic() + WATCH_S, await asyncio.to_thread(read_standings, system.database_url)
    while not (watchers.satisfied and followers.have_seen_the_ends(standings)) and time.monotonic() < until:
        await asyncio.sleep(POLL_S)
    return Drained(after_s, redriven, judged_until_s if caught_up else 0.0)


class Sweep:
    """Cancels whatever rests, until nothing does."""

    def __init__(self, system: SystemUnderTest, changes: Changes) -> None:
        self._system = system
        self._changes = changes
        self._cancelled: set[str] = set()

    async def is_empty(self) -> bool:
        """Return whether every stream and timer set is empty; cancel what rests."""
        standings = await asyncio.to_thread(self._read_standings)
        at_rest = {order_id for order_id, stands in standings.items() if stands.status in RESTING} - self._cancelled
        self._cancelled |= at_rest
        for account in sorted({standings[order_id].account for order_id in at_rest}):
            its_own = sorted(order_id for order_id in at_rest if standings[order_id].account == account)
            await self._changes.cancel_all(its_own, account)
        return not at_rest and await asyncio.to_thread(_is_empty, self._system)

    async def have_ended(self, posts: Sequence[Post]) -> bool:
        """Return whether all is empty, and all orders that were accepted, or that they have made, are over."""
        if not await self.is_empty():
            return False
        standings = await asyncio.to_thread(self._read_standings)
        ended = {order_id for order_id, stands in standings.items() if stands.status in TERMINAL}
        return ended == standings.keys() and all(post.order_ids <= ended for post in posts)

    def _read_standings(self) -> dict[str, Standing]:
        return read_standings(self._system.database_url)


async def _in_time(condition: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until `condition` holds; return False when it did not in time."""
    until = time.monotonic() + DRAIN_S
    while time.monotonic() < until:
        if await condition():
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


def _has_caught_up(system: SystemUnderTest, until_s: float) -> bool:
    """Return whether all prices that were written before a time have been worked through."""
    with system.redis() as client:
        oldest_s = oldest_unread_tick_s(client)
    return oldest_s is None or oldest_s > until_s
