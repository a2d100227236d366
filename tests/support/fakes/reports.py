"""Channels of reports, and what is counted for them, in memory."""

from collections.abc import Collection, Mapping, Sequence

from orderflow.adapters.engine_state import EngineState, PartitionState
from orderflow.adapters.reports import Begun, PastPrice, Report, Reports
from orderflow.adapters.stream_lag import PartitionLag, StreamLag
from orderflow.adapters.tallies import Tallies
from orderflow.domain.tally import Tally
from tests.support.builders import NOW_MS
from tests.support.fakes.outage import Outage


class FakeReports(Outage, Reports):
    """Channels whose reports are always due, unless `is_due` says otherwise; followers by channel, 0 for a new one."""

    def __init__(self) -> None:
        self.followers: dict[str, dict[str, int]] = {}
        self.latest: dict[str, Report] = {}
        self.prices: dict[str, list[PastPrice]] = {}
        self.is_due = True
        self.now_ms = NOW_MS
        self.begun: list[str] = []
        self.delayed: list[str] = []

    def begin(self, channel: str) -> Begun | None:
        self._reach()
        self.begun.append(channel)
        followers = self.followers.get(channel, {})
        if not followers:
            return None
        new = frozenset(connection for connection, at in followers.items() if not at)
        return Begun(self.is_due, self.now_ms, self.latest.get(channel), list(followers), new)

    def keep(
        self, channel: str, text: str, made_ms: int, slot: int = 0, prices: Mapping[str, PastPrice] | None = None
    ) -> Report:
        latest = self.latest.get(channel)
        self.latest[channel] = Report(latest.sequence + 1 if latest else 1, made_ms, text)
        for pair, price in (prices or {}).items():
            self.prices.setdefault(pair, []).append(price)
        return self.latest[channel]

    def put_off(self, begun: Begun, channel: str) -> None:
        self.delayed.append(channel)

    def answered(self, channel: str, connections: Collection[str], now_ms: int) -> None:
        self.followers[channel] |= {name: now_ms for name in connections if name in self.followers[channel]}

    def forget(self, channel: str, connections: Collection[str]) -> None:
        for connection in connections:
            self.followers[channel].pop(connection, None)

    def is_followed(self, channel: str) -> bool:
        self._reach()
        return bool(self.followers.get(channel))

    def past_prices(self, pair: str, most: int) -> list[PastPrice]:
        self._reach()
        return self.prices.get(pair, [])[-most:]


class FakeTallies(Outage, Tallies):
    """What was counted, by second; nobody wants it unless `wanted` says so."""

    def __init__(self) -> None:
        self.wanted = False
        self.by_second: dict[int, Tally] = {}

    def are_wanted(self) -> bool:
        return self.wanted

    def add(self, by_second: Mapping[int, Tally]) -> None:
        for second, tally in by_second.items():
            self.by_second.setdefault(second, Tally()).add(tally)

    def of(self, seconds: Sequence[int]) -> list[Tally]:
        self._reach()
        return [self.by_second.get(second, Tally()) for second in seconds]


class FakeEngineState(Outage, EngineState):
    """Partitions in memory, all served by the event source `one`; those that are `unavailable` can't be looked at."""

    def __init__(self) -> None:
        self.unavailable: set[str] = set()
        self.entries: dict[tuple[str, str], int] = {}
        self.timers: dict[str, dict[str, int]] = {}

    def look(self, partition: str, streams: Sequence[str], now_ms: int) -> PartitionState:
        self._reach()
        if partition in self.unavailable:
            raise ConnectionError(f"{partition} is unavailable")
        lags = [StreamLag(stream, self.entries.get((partition, stream), 0), 7) for stream in streams]
        timers = self.timers.get(partition, {})
        return PartitionState(PartitionLag(lags, sum(timers.values()), dead_letters=1, resting=2), timers, "one")

    def event_sources(self) -> list[str]:
        return ["one", "two"]
