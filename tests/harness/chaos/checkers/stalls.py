"""Checks that no order stood still: between two events no longer than its simulated delay and a bound allow."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

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
    """No order waits longer than its delay and the bound.

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
            invariant.checked += 1
            waited_s = after.at_s - before.at_s - delay_s(order, before.status)
            waited_s -= sum(window.overlap_s(before.at_s, after.at_s) for window in standstills)
            if waited_s > BOUND_S:
                invariant.violations.append(
                    f"{order_id} went from {before.status} to {after.status} {waited_s:.1f} s later than it should"
                )
    return invariant
