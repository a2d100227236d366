"""How late orders fire: a market that rises past the limits of many orders, seen block by block, in; slots out."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orderflow.domain.conditions import minimum_of
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime import clients
from tests.harness.bench.mock_market import MarketHistory, move_sol
from tests.harness.bench.waiting_orders import WITHIN_S, limits, place

COUNT = 100
APART = 0.0004
STEP = 1 + APART
"""What SOL's price is multiplied by in each slot."""

RISING_MORE, SLOTS_MORE = 20, 60
"""For so many slots more than there are orders SOL rises, and for so many more than these the market is looked at."""

WORTH_USD = 200.0
LOOK_S = 0.003


@dataclass(slots=True)
class Lateness:
    """How late orders fired, each since the block from which on it could be executed, in slots and in ms.

    `never` counts those that could, and did not fire; `blocks` were seen, `missed` were not.
    """

    slots: list[int] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    never: int = 0
    blocks: int = 0
    missed: int = 0


def rally(count: int = COUNT) -> Lateness:
    """Place limits at staggered prices, let SOL rise past them slot by slot, and return how late they fired."""
    orders, _ = place(limits(count, 1 + APART, APART, WORTH_USD))
    history = MarketHistory(clients.redis_client())
    slot = first_slot = history.look()
    began = time.perf_counter()
    while slot < first_slot + count + SLOTS_MORE and time.perf_counter() - began < WITHIN_S:
        time.sleep(LOOK_S)
        before, slot = slot, history.look()
        if slot != before and slot < first_slot + count + RISING_MORE:
            move_sol(clients.redis_client(), STEP)
    minimums = [minimum_of(order.least, order.request.amount_in) for order in orders if order.least is not None]
    could = history.executable([order.request for order in orders], minimums)
    blocks = [(seen.at_ms, seen.state.slot) for seen in history.seen]
    late = lateness(blocks, could, [_fired_ms(order) for order in orders])
    late.missed = history.missed
    return late


def lateness(
    blocks: Sequence[tuple[float, int]], could: Sequence[Sequence[bool]], fired_ms: Sequence[float | None]
) -> Lateness:
    """Return how late orders fired: blocks by when they were seen and their slots, and which order could go at each.

    Of each order it is given when it fired, None for one that did not. All times are in ms since 1970.
    """
    late = Lateness(blocks=len(blocks))
    seen_ms = [at_ms for at_ms, _ in blocks]
    for number, at_ms in enumerate(fired_ms):
        own = [block[number] for block in could]
        if at_ms is None:
            late.never += any(own)
            continue
        # By the last block that had been seen then; it may have fired by one that was not seen yet.
        fired = max(bisect_right(seen_ms, at_ms) - 1, 0)
        since = first_of_run(own, fired)
        late.slots.append(blocks[fired][1] - blocks[since][1])
        late.ms.append(max(at_ms - seen_ms[since], 0.0))
    return late


def first_of_run(could: Sequence[bool], fired: int) -> int:
    """Return since which block an order that fired at block `fired` could be executed without a break.

    Where it could not at that block any more, the last one counts in which it could; where it never could, that block.
    """
    since = next((number for number in range(fired, -1, -1) if could[number]), fired)
    while since > 0 and could[since] and could[since - 1]:
        since -= 1
    return since


def _fired_ms(order: Order) -> float | None:
    """Return when an order fired first, in ms since 1970; None when it has not."""
    found = clients.orders().find(order.order_id)
    events = found[1] if found else []
    times = (datetime.fromisoformat(event.timestamp) for event in events if event.status is Status.TRIGGERED)
    return next((at.timestamp() * 1000 for at in times), None)
