"""Checks that no order stood still: between two events no longer than its simulated delay and a bound allow."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from orderflow.domain.lifecycle import RESTING
from orderflow.domain.status import Status
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import EventRow, LedgerContents
from tests.harness.chaos.history.fault_record import Window
from tests.harness.chaos.mock_market import DelayS

BOUND_S = 10.0


def no_stalls(
    ledger: LedgerContents,
    delay_s: DelayS,
    standstills: Sequence[Window],
    wrong_clocks: Sequence[Window],
) -> Invariant:
    """No order waits longer than its delay and the bound, unless it rests.

    Time within `standstills`, when everything was down, does not count. Orders that were under way while a clock was
    wrong are left out: their times mean nothing.
    """
    invariant = Invariant(f"no order stands still for {BOUND_S:.0f} s")
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
            if before.status in RESTING:
                continue
            invariant.checked += 1
            waited_s = after.at_s - before.at_s - delay_s(order, before.status)
            waited_s -= sum(window.overlap_s(before.at_s, after.at_s) for window in standstills)
            if waited_s > BOUND_S:
                invariant.violations.append(
                    f"{order_id} went from {before.status} to {after.status} {waited_s:.1f} s later than it should"
                )
    return invariant


def expired_in_time(ledger: LedgerContents, standstills: Sequence[Window], wrong_clocks: Sequence[Window]) -> Invariant:
    """An order that rests ends when its time is over, within the bound, and not before.

    As above, time within `standstills` does not count, and orders that were there while a clock was wrong are left out.
    """
    invariant = Invariant(f"an order that rests expires within {BOUND_S:.0f} s, and not before")
    events: dict[str, list[EventRow]] = defaultdict(list)
    for event in ledger.events:
        events[event.order_id].append(event)
    for order in ledger.orders:
        of_order = events[order.order_id]
        if order.expires_at_s is None or len(of_order) < 2:
            continue
        before, last = of_order[-2:]
        if any(window.overlap_s(of_order[0].at_s, last.at_s) for window in wrong_clocks):
            continue
        invariant.checked += 1
        if order.status == Status.EXPIRED and last.at_s < order.expires_at_s:
            invariant.violations.append(f"{order.order_id} is expired {order.expires_at_s - last.at_s:.3f} s too early")
        late_s = last.at_s - max(order.expires_at_s, before.at_s)
        late_s -= sum(window.overlap_s(order.expires_at_s, last.at_s) for window in standstills)
        if before.status in RESTING and late_s > BOUND_S:
            invariant.violations.append(
                f"{order.order_id} is {order.status} {late_s:.1f} s after its time was over, and rested until then"
            )
    return invariant
