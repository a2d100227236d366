"""The mock chain's clock: a heartbeat that makes the next slot at even times, as long as somebody waits for prices.

Without it slots pass only as orders' delays say (decision 0017). It beats by one message, which goes from the chain's
timers to its stream of transactions and back; produce_block makes the slot.
"""

from typing import NamedTuple

import redis

from orderflow.adapters import scripts
from orderflow.venues.mock.keys import SCRIPTS, TRANSACTIONS, chain_key

HEARTBEAT = '{"heartbeat":true}'
"""What the message of a heartbeat holds as its `order`."""

MOST_UNREAD_TICKS = 1_000
"""While more ticks than these wait to be read, the market stands still: 400 s of it."""

LEAST_BEAT_MS = 20


class Beat(NamedTuple):
    """What a heartbeat found: the number of the last demand for the clock, and whether it makes a slot."""

    demand: int
    makes_slot: bool


class ChainClock:
    """Starts and stops the clock; `beat_ms` are real milliseconds between two slots, 0 where they come by hand."""

    def __init__(self, client: redis.Redis, beat_ms: int = 0) -> None:
        self.beat_ms = beat_ms
        self._keep_time = client.register_script(scripts.source("keep_time", package=SCRIPTS))
        self._beat = client.register_script(scripts.source("beat", package=SCRIPTS))
        self._stop = client.register_script(scripts.source("stop_time", package=SCRIPTS))

    @property
    def heartbeat(self) -> tuple[str, str, int]:
        """What the scripts need to have the next heartbeat come."""
        return TRANSACTIONS, HEARTBEAT, self.beat_ms

    def keep_time(self) -> int:
        """Have the clock run, and each block write a tick, from now on; return the number of this demand."""
        return int(self._keep_time([chain_key(name) for name in ("slot", "timers", "wakes")], self.heartbeat))

    def beat(self) -> Beat:
        """Look what a heartbeat has to do. One that makes no slot is followed by the next all the same.

        Where slots come by hand, or the clock has been stopped, none makes a slot and none follows.
        """
        keys = [chain_key(name) for name in ("slot", "timers", "wakes", "ticks")]
        demand, makes_slot = self._beat(keys, [*self.heartbeat, MOST_UNREAD_TICKS])
        return Beat(int(demand), bool(makes_slot))

    def stop(self, demand: int) -> bool:
        """Stop the clock and the ticks; False where somebody has asked for it after the demand of this number."""
        member = f"{TRANSACTIONS} 1 {HEARTBEAT}"
        return bool(self._stop([chain_key("slot"), chain_key("timers")], [demand, member]))
