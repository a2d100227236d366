"""What happens to launched pools, slot by slot: they open, a crowd buys, and after an hour they close.

Nobody else trades in them, and no price but their own counts there: the market around them does not know of them.
"""

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from random import Random
from typing import NamedTuple

from orderflow.domain.launches import Launch
from orderflow.domain.pools import Pool
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.launches import Calendar, launch_of, launched_token, opening_pool
from orderflow.venues.mock.trades import Flows, trade

CROWD_SLOTS = 25
"""How many slots after the one in which a token opens the crowd buys it."""

_SHARE = (0.01, 0.03)
"""What the crowd pays in a slot, as a share of what the pool opened with: the price rises by some 4 %, then 2 %."""


class _Open(NamedTuple):
    """A pool that is open, until a slot; its launch is None where another seed has made it, which nobody knows."""

    until_slot: int
    address: str
    launch: Launch | None


class LaunchedPools:
    """The pools that launches have open after a slot, by address, and what came to pass in them since.

    `changed` are those of these pools that are not as before, `closed` those that are there no more. `opened` are the
    launches that have opened, and `ended` those that have closed, in turn. `flows` is what their providers and the
    crowd have paid in and taken out, what a pool opened and closed with included.
    """

    def __init__(self, calendar: Calendar, slot: int, pools: Mapping[str, Pool]) -> None:
        self.pools = dict(pools)
        self.changed: set[str] = set()
        self.closed: list[str] = []
        self.opened: list[Launch] = []
        self.ended: list[Launch] = []
        self.flows = Flows()
        self._calendar = calendar
        self._slot = slot
        self._open = deque(_open_pools(calendar.seed, tuple(pools)))

    def live(self, to_slot: int) -> None:
        """Let them live on up to and including `to_slot`, the same however the slots are divided."""
        after, self._slot = self._slot, to_slot
        for launch in sorted(self._calendar.opening(after, to_slot), key=attrgetter("open_slot", "announced_slot")):
            self._begin(launch)
        ended = {launch.pool: launch for launch in self._calendar.closing(after, to_slot)}
        for pool in reversed(self._open):
            if pool.launch is None or pool.launch.open_slot + CROWD_SLOTS <= after:
                break  # as are all that opened before
            self._buy(pool.launch, after, to_slot)
        while after < to_slot and self._open and self._open[0].until_slot <= to_slot:
            closing = self._open.popleft()
            self._pay(self.pools.pop(closing.address), -1)
            self.changed.discard(closing.address)
            self.closed.append(closing.address)
            # One that opened under another setting is not in the calendar.
            ended |= {closing.address: closing.launch} if closing.launch else {}
        self.ended += sorted(ended.values(), key=attrgetter("close_slot", "announced_slot"))

    def put(self, address: str, pool: Pool) -> None:
        """Take what a transaction has made of a pool."""
        self.pools[address] = pool
        self.changed.add(address)

    def _begin(self, launch: Launch) -> None:
        self.put(launch.pool, opening_pool(launch))
        self.opened.append(launch)
        self._open.append(_Open(launch.close_slot, launch.pool, launch))
        self._pay(self.pools[launch.pool], 1)

    def _buy(self, launch: Launch, after: int, to_slot: int) -> None:
        first, last = max(after, launch.open_slot) + 1, min(to_slot, launch.open_slot + CROWD_SLOTS)
        for slot in range(first, last + 1):
            random = Random(f"{self._calendar.seed}:launch:{launch.announced_slot}:{slot}")
            paid = int(launch.liquidity * random.uniform(*_SHARE))
            trade(self.pools, self.flows, launch.pool, launch.quote, paid, chain_seconds(slot))
            self.changed.add(launch.pool)

    def _pay(self, pool: Pool, sign: int) -> None:
        """Note that all that a pool holds was paid in, or taken out."""
        self.flows[f"{pool.pool}|{pool.token_a}"] += sign * (pool.reserve_a + pool.withheld_a)
        self.flows[f"{pool.pool}|{pool.token_b}"] += sign * (pool.reserve_b + pool.withheld_b)


@lru_cache(maxsize=8)
def _open_pools(seed: int, addresses: tuple[str, ...]) -> tuple[_Open, ...]:
    """Return the pools that are open in the order in which they close; those of another seed come first."""
    launches = ((address, launch_of(seed, launched_token(address))) for address in addresses)
    found = [_Open(launch.close_slot if launch else 0, address, launch) for address, launch in launches]
    return tuple(sorted(found, key=attrgetter("until_slot", "address")))
