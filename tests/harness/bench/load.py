"""How the bench loads a system: how many orders, for how long, by how many clients, when each order is due."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, count

IN_FLIGHT = 1_500
"""Fewer than may wait at a stage of one partition by default (MAX_LAG), so that a closed loop is never refused."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load that ends after `orders` orders or `seconds` seconds, whichever comes first; at least one is given.

    Without a `rate` it is a closed loop: each of `concurrency` clients posts its next order when the last one has come
    to its end, or where nothing watches its end (`sockets` off), when fewer than `in_flight` orders are under way. With
    a `rate`, orders a second, it is an open loop: an order is due when its time has come, however slow the system is.
    Each client keeps one socket, or all share sockets that are opened for `orders_per_socket` orders and closed then.
    What `batch` clients post at once is one request.
    """

    orders: int | None = None
    seconds: float | None = None
    concurrency: int = 50
    sockets: bool = True
    orders_per_socket: int | None = None
    rate: float | None = None
    in_flight: int = IN_FLIGHT
    mix: str = "mixed"
    batch: int = 1

    @property
    def clients(self) -> int:
        """How many clients there are: no more than orders."""
        return self.concurrency if self.orders is None else min(self.concurrency, self.orders)


def due_times(load: Load, clock: Callable[[], float] = time.perf_counter) -> Iterator[float]:
    """Yield when each order is due, on `clock`: in a closed loop, at once."""
    started_at = clock()
    numbers = count() if load.orders is None else iter(range(load.orders))
    for number in numbers:
        due_at = clock() if load.rate is None else started_at + number / load.rate
        if load.seconds is not None and due_at >= started_at + load.seconds:
            return
        yield due_at


@dataclass(slots=True)
class Observations:
    """What the clients saw; times on the clock of `time.perf_counter`, durations in milliseconds.

    `due_at` has every accepted order, `confirmed_at` those whose confirmation a socket has shown. Durations count from
    the time at which an order was due, not from that at which a client came to send it: a system that is slow for a
    while makes all orders late that were due meanwhile, and they count (coordinated omission). `delivered` counts
    statuses in their order, `expected` five per confirmed order and, for a failed one, as many as its last status'
    sequence says. `over` counts the orders with which their clients have finished, `idle_s` the seconds that clients,
    summed, had nothing to do.
    """

    due_at: dict[str, float] = field(default_factory=dict)
    confirmed_at: dict[str, float] = field(default_factory=dict)
    post_ms: list[float] = field(default_factory=list)
    sent_late_ms: list[float] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    expected: int = 0
    started_at: float = 0.0
    last_accepted_at: float = 0.0
    over: int = 0
    idle_s: float = 0.0

    @property
    def confirmed_ms(self) -> list[float]:
        """From due to confirmed, of each order that a socket has shown confirmed."""
        return [(at - self.due_at[order_id]) * 1000 for order_id, at in self.confirmed_at.items()]


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many of the spans, each from a time to a later one, overlap at most."""
    steps = sorted(step for start, end in spans for step in ((start, 1), (end, -1)))
    return max(accumulate((change for _, change in steps), initial=0))
