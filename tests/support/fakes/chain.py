"""The mock market's chain in memory."""

from collections.abc import Sequence

from orderflow.domain.execution import Execution
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.order import Order, Signature
from orderflow.domain.ticks import Tick
from orderflow.venues.mock.chain import Blocks, MarketState
from orderflow.venues.mock.chain_clock import Beat, ChainClock
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.launches import Calendar
from tests.support.builders import NOW_MS, market_state
from tests.support.fakes.outage import Outage


class FakeClock(ChainClock):
    """A clock in memory, for which it is always time."""

    def __init__(self, chain: Outage) -> None:
        self.beat_ms = 400
        self.runs = False
        self.demands = 0
        self.makes_slots = True
        self._chain = chain

    def keep_time(self) -> int:
        self._chain._reach()
        self.runs = True
        self.demands += 1
        return self.demands

    def beat(self) -> Beat:
        self._chain._reach()
        return Beat(self.demands, self.runs and self.makes_slots)

    def stop(self, demand: int) -> bool:
        self._chain._reach()
        if demand == self.demands:
            self.runs = False
        return not self.runs


class FakeChain(Outage, ChainStore):
    """A chain in memory, on the opening market of seed 1."""

    def __init__(self) -> None:
        self.seed = 1
        self.calendar = Calendar(1, 0)
        self.clock: FakeClock = FakeClock(self)
        self.ticks: list[Tick] = []
        self.beats: list[bool] = []
        """Of each commit, whether a heartbeat made it."""
        self._prices = MarketPrices(self._token)
        self.latest: MarketState = market_state()
        self.reads = 0
        self.time_ms = NOW_MS
        self.executions: dict[str, Execution] = {}
        self.sent: list[tuple[Order, int]] = []
        self.unknown: set[str] = set()
        self.forgotten: list[tuple[str, int]] = []
        self.blocks: list[Blocks] = []
        self.rivals = 0
        """How many blocks of another producer come in before the next commit."""

    def state(self) -> tuple[int, MarketState]:
        self._reach()
        self.reads += 1
        return len(self.blocks), self.latest

    def slot(self) -> int:
        self._reach()
        return self.latest.slot

    def now_ms(self) -> int:
        self._reach()
        return self.time_ms

    def send(self, sends: Sequence[tuple[Order, int]]) -> list[Order]:
        self._reach()
        self.sent += sends
        return [order for order, _ in sends if order.signature in self.executions]

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        self._reach()
        return [self.executions.get(signature) for signature in signatures]

    def arrived(self, orders: Sequence[Order]) -> tuple[list[Order], list[Order]]:
        self._reach()
        known = [order for order in orders if order.signature not in self.unknown]
        waiting = {order.signature: order for order in known if order.signature not in self.executions}
        return list(waiting.values()), [order for order in known if order.signature in self.executions]

    def abandon(self, signature: Signature, reason: str) -> Execution:
        self._reach()
        return self.executions.setdefault(signature, Execution(signature, 0, error=reason))

    def forget(self, ended: Sequence[tuple[Signature, int]]) -> None:
        self._reach()
        self.forgotten += ended

    def commit(self, block: int, blocks: Blocks, *, beat: bool = False) -> bool:
        self._reach()
        if self.rivals:
            self.rivals -= 1
            return False
        if block != len(self.blocks):
            return False
        self.blocks.append(blocks)
        self.latest = blocks.after
        self.beats.append(beat)
        if self.clock.runs:
            self.ticks.append(self.tick(blocks.after, blocks.launches))
        self.executions |= {execution.signature: execution for execution in blocks.executions}
        return True
