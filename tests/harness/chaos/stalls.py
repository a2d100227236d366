"""Finds orders that stood still: longer between two events than their simulated delay and a bound allow."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.venues.mock.latency import SLOT_MS, SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.universe import VENUES
from tests.harness.chaos.audit import Check
from tests.harness.chaos.evidence import EventRow, LedgerContents, OrderRow

BOUND_S = 10.0


class Window(NamedTuple):
    """A time, in seconds since 1970."""

    from_s: float
    to_s: float

    def overlap_s(self, from_s: float, to_s: float) -> float:
        """Return how much of a time lies within."""
        return max(0.0, min(self.to_s, to_s) - max(self.from_s, from_s))


def simulated_delay_s(latency: Latency) -> Callable[[OrderRow, str], float]:
    """Return what tells how long an order is meant to wait after a status."""

    def delay_s(order: OrderRow, status: str) -> float:
        if order.slot is None:
            return 0.0
        request = OrderRequest(order.token_in, order.token_out, order.amount_in, "market", order.slippage_bps)
        match status:
            case Status.ROUTING:
                market_ms = latency.quotes(order.slot, request, VENUES).wait_ms
            case Status.BUILDING:
                market_ms = latency.build_ms(order.slot, request)
            case Status.SUBMITTED:
                market_ms = (latency.landing(order.slot, request).slots + SLOTS_TO_CONFIRM) * SLOT_MS
            case _:
                market_ms = 0
        return latency.scaled(market_ms) / 1000

    return delay_s


def no_stalls(
    ledger: LedgerContents,
    delay_s: Callable[[OrderRow, str], float],
    standstills: Sequence[Window],
    wrong_clocks: Sequence[Window],
) -> Check:
    """No order waits for longer than its delay and the bound.

    Time within `standstills`, when everything was down, does not count. Orders that were under way while a clock was
    wrong are left out: their times tell nothing.
    """
    promise = Check(f"no order stands still for {BOUND_S:.0f} s")
    orders = {order.order_id: order for order in ledger.orders}
    events: dict[str, list[EventRow]] = defaultdict(list)
    for event in ledger.events:
        events[event.order_id].append(event)
    for order_id, of_order in events.items():
        order = orders.get(order_id)
        first_s, last_s = of_order[0].at_s, of_order[-1].at_s
        if order is None or any(window.overlap_s(first_s, last_s) for window in wrong_clocks):
            continue
        for before, after in pairwise(of_order):
            promise.checked += 1
            waited_s = after.at_s - before.at_s - delay_s(order, before.status)
            waited_s -= sum(window.overlap_s(before.at_s, after.at_s) for window in standstills)
            if waited_s > BOUND_S:
                promise.violations.append(
                    f"{order_id} went from {before.status} to {after.status} {waited_s:.1f} s later than it should"
                )
    return promise
