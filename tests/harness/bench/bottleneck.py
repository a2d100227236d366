"""What set the pace of a measurement: the system, the bench itself, other programs, or nobody.

Clients that share a machine with what they measure may be what is slow, and their answer would then be no figure of
the system.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.harness.bench import processor_time
from tests.harness.timings import Timings

NAP_S = 0.01
BUSY_BENCH = 0.85
"""The share of a core at which one event loop is as good as busy."""

LATE_MS = 20.0
BUSY_MACHINE = 0.85
BUSY_OTHERS = 0.15


@dataclass(frozen=True, slots=True)
class Pace:
    """Who was how busy while orders were sent, in cores (0.5: half the time of one); nothing is known of `others` and
    `system` where the system runs elsewhere.

    `late_ms` is by how much the bench's event loop came late to what it waited for; `idle` the share of the time in
    which its clients had nothing to do: no order was due, or enough were under way.
    """

    cores: int
    bench: float
    system: float | None
    others: float | None
    late_ms: float
    idle: float
    open_loop: bool

    @property
    def verdict(self) -> str:
        """Who set the pace, in a few words."""
        if self.bench >= BUSY_BENCH:
            return "the bench itself was the bottleneck: these are no figures of the system"
        if self.others is not None and self.others > BUSY_OTHERS * self.cores:
            return "other programs took part of the machine: trust ratios, not times"
        if self.late_ms > LATE_MS:
            return "the bench waited for a processor: its latencies include that"
        if self.open_loop:
            return "orders were sent as they were due"
        if self.system is not None and self.system + self.bench < BUSY_MACHINE * self.cores:
            return "nobody was busy: more clients, or more --in-flight, would get more"
        return "the system set the pace"

    def __str__(self) -> str:
        parts = [f"bench {self.bench:.2f} of {self.cores} cores"]
        if self.system is not None and self.others is not None:
            parts.append(f"system {self.system:.2f}, others {self.others:.2f}")
        parts.append(f"the bench's loop {self.late_ms:.1f} ms late at p99, its clients idle {self.idle:.0%}")
        return f"{', '.join(parts)}: {self.verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures and the verdict as plain values."""
        return {name: getattr(self, name) for name in (*self.__dataclass_fields__, "verdict")}


@dataclass(slots=True)
class Meter:
    """Reads who used the processors between its start and its end; `before` and `after` are by kind of process."""

    processes: Mapping[str, int]
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    _late_ms: list[float] = field(default_factory=list)
    _machine_s: float = 0.0
    _took_s: float = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self.before = processor_time.read(self.processes)
        self._machine_s, self._took_s = _busy_s(), time.perf_counter()

    def stop(self) -> None:
        """End the measurement."""
        self._machine_s, self._took_s = _busy_s() - self._machine_s, time.perf_counter() - self._took_s
        self.after = processor_time.read(self.processes)

    async def watch_the_loop(self) -> None:
        """Note how late the event loop comes to what is due, until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(NAP_S)
            self._late_ms.append(max(time.perf_counter() - began - NAP_S, 0.0) * 1000)

    def pace(self, idle_s: float, clients: int, open_loop: bool) -> Pace:
        """Return who was how busy; `idle_s` is summed over the clients."""
        own = self.after[processor_time.OWN] - self.before[processor_time.OWN]
        system = sum(self.after.values()) - sum(self.before.values()) - own if self.processes else None
        return Pace(
            cores=len(_own_cores()),
            bench=own / self._took_s,
            system=None if system is None else system / self._took_s,
            others=None if system is None else max(self._machine_s - system - own, 0.0) / self._took_s,
            late_ms=Timings.of(self._late_ms).p99,
            idle=idle_s / (clients * self._took_s) if clients else 0.0,
            open_loop=open_loop,
        )


def _own_cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _busy_s() -> float:
    """Return the seconds that the cores which this process may use were busy since the machine started, summed."""
    cores = psutil.cpu_times(percpu=True)
    idle = ("idle", "iowait", "guest", "guest_nice")  # what guests use counts as user's already
    busy_s = 0.0
    for number in _own_cores():
        if number < len(cores):
            busy_s += sum(seconds for name, seconds in cores[number]._asdict().items() if name not in idle)
    return busy_s
