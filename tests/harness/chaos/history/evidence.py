"""Everything that was observed of a run, gathered once the system is at rest."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents, Leftovers, read_ledger, read_leftovers
from tests.harness.chaos.history.feed import AccountViews
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.mock_market import ChainContents, SeenTick, read_chain
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.workload.changes import Changes
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.watchers import Watchers


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the system holds, and what its clients saw."""

    ledger: LedgerContents
    chain: ChainContents
    leftovers: Leftovers
    posts: Sequence[Post]
    seen: Sequence[Sightings]
    answers: Counter[str]
    reconnections: int
    changes: Sequence[Change] = ()
    ticks: Sequence[SeenTick] = ()
    views: AccountViews = field(default_factory=AccountViews)
    judged_until_s: float = 0.0
    """Prices before this had been worked through when what rested was cancelled, in seconds since 1970."""


async def gather(
    system: SystemUnderTest,
    load: OpenLoop,
    changes: Changes,
    watchers: Watchers,
    ticks: Sequence[SeenTick],
    views: AccountViews,
    judged_until_s: float,
) -> Evidence:
    """Read all that `system` holds, and add what its clients noted."""
    ledger = await asyncio.to_thread(read_ledger, system.database_url)
    with system.redis() as client:
        chain, leftovers = read_chain(client), read_leftovers(client, system.partition_count)
    reconnections = sum(watcher.reconnections for watcher in watchers.all)
    return Evidence(
        ledger,
        chain,
        leftovers,
        load.posts,
        watchers.seen,
        load.answers + changes.answers,
        reconnections,
        changes.made,
        ticks,
        views,
        judged_until_s,
    )
