"""What must hold of orders that wait for launches, and of those on their tokens: the first launch that each buys fires
it, once, and in time; and none rests on after the close.
"""

from collections.abc import Iterable, Mapping, Sequence

from orderflow.adapters import books
from orderflow.domain.launches import Launch
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order, Signature
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.venues.mock.launches import Calendar, launch_at
from tests.model.memory import Carried, Memory
from tests.model.prices import Seen, is_close
from tests.model.violation import require

CALENDAR = Calendar(seed=1, every=5)
"""More often than a market may have them, so that a short run sees some."""
LAUNCH = launch_at(CALENDAR.seed, 75)
"""The one that orders for a mint wait for; it is against USDC, and no other opens in the eight slots after it."""

MOST_TRIES = 3
TOGETHER = (Status.ROUTING, Status.BUILDING)
"""The statuses that an order which a launch has fired goes through in one step."""


def opening(memory: Memory, slot: int) -> tuple[Launch, ...]:
    """Return the launches that open after the slot of the last block, up to and including another, in turn."""
    launches = CALENDAR.opening(memory.slot, slot) if memory.has_launches else ()
    return tuple(sorted(launches, key=lambda launch: (launch.open_slot, launch.announced_slot)))


def closing(memory: Memory, slot: int) -> tuple[Launch, ...]:
    """Return the launches that close after the slot of the last block, up to and including another, in turn."""
    launches = CALENDAR.closing(memory.slot, slot) if memory.has_launches else ()
    return tuple(sorted(launches, key=lambda launch: (launch.close_slot, launch.announced_slot)))


def check_closed(memory: Memory, carried: Carried, ticks: Iterable[Tick]) -> None:
    """No order rests on past the close of its token: it has its own look at it before it, or the tick that says so.

    With a slice under way it has that look when the slice has ended. Where more orders rest on a token than are found
    at a time, the next ticks end the others.
    """
    to_come = {launch.token.mint for tick in ticks for launch in tick.closed}
    for launch in memory.closed:
        at_rest = [order for order in memory.orders.values() if order.status in RESTING and is_on(order, launch)]
        if launch.token.mint in to_come or len(at_rest) > books.PER_BOOK:
            continue
        for order in at_rest:
            is_looked_at = ("open", order.sequence) in carried.get(order.order_id, set())
            is_under_way = order.progress is not None and order.progress.begun > order.progress.ended
            require(is_looked_at or is_under_way, "an order on a token that has closed ends", order, launch)


def is_on(order: Order, launch: Launch) -> bool:
    """Return whether an order can't be executed any more when a launch has closed."""
    snipe = order.request.snipe
    waits = snipe is not None and snipe.mint == launch.token.mint
    return waits or launch.token.mint in {token.mint for token in order.request.tokens}


def check_end_by_close(before: Order, order: Order, memory: Memory) -> None:
    """Who is refused by a pool that has closed is not tried again; and who says so, has traded one that has."""
    execution = memory.executions.get(before.tx_hash or Signature(""))
    if before.status is Status.SUBMITTED and execution and execution.error == "pool is not open":
        require(order.status not in (Status.OPEN, Status.TRIGGERED), "a pool that has closed is not tried again", order)
    if "pool closed" in (order.reason or ""):
        has_closed = any(is_on(order, launch) for launch in memory.closed)
        require(has_closed and order.has_ended, "an order ends so only by the close of its token", order)


def check_waiting(memory: Memory, carried: Carried, ticks: Iterable[Tick]) -> None:
    """No order rests on past a launch that it waits for: it has its own look at it before it, or the launch's tick."""
    to_come = {launch.token.mint for tick in ticks for launch in tick.launches}
    for order in memory.orders.values():
        if order.request.snipe is None or order.status not in RESTING:
            continue
        passed = [each for each in memory.opened if _waits_for(order, each) and each.token.mint not in to_come]
        is_looked_at = ("open", order.sequence) in carried.get(order.order_id, set())
        require(is_looked_at or not passed, "a launch takes on who waits for it", order, passed)


def check_step(before: Order, order: Order, memory: Memory) -> None:
    """An order that waited for a launch was fired by one, once, or ends since it does not buy the one it waited for."""
    if order.request.snipe is None:
        return
    require(order.status not in TOGETHER, "what a launch fires is routed, built and submitted in one step", order)
    require(order.attempts < MOST_TRIES, "who was fired by a launch has three tries", order)
    require(before.fired is None or order.status not in RESTING, "who was fired by a launch rests no more", order)
    if before.status in RESTING and order.status is Status.TRIGGERED:
        _check_fired(order, memory.opened, memory.seen, in_turn="" not in memory.given_up)
    if before.status in RESTING and order.status is Status.FAILED:
        refused = [each for each in memory.opened if _waits_for(before, each) and not _buys(before, each)]
        require(
            refused or (order.reason or "").startswith("Gave up "),
            "an order ends at a launch that it waited for and does not buy",
            order,
        )


def _check_fired(order: Order, opened: Sequence[Launch], seen: Seen, *, in_turn: bool) -> None:
    """What fired an order has opened, is what it buys, at a price that was there; and it was the first of those.

    Unless a tick was given up: then the launches of a later one may come before.
    """
    fired, request = order.fired, order.request
    said = "an order is fired by the launch that it says", order, opened
    require(fired is not None and fired.rule == "launch" and fired.launch in opened, *said)
    if fired is None or fired.launch is None:
        return
    launch = fired.launch
    require(_waits_for(order, launch) and _buys(order, launch), *said)
    require((fired.slot, fired.amount_in) == (launch.open_slot, request.amount_in), *said)
    require((request.token_out, request.tokens) == (launch.token.symbol, (launch.token,)), *said)
    ticks = [tick for ticks in seen.values() for tick in ticks if launch.pair in tick.prices]
    require(any(is_close(float(fired.price), tick.prices[launch.pair].reference) for tick in ticks), *said)
    first = next(each for each in opened if _waits_for(order, each))
    require(not in_turn or launch == first, "the first launch that an order buys fires it", order, first)


def _waits_for(order: Order, launch: Launch) -> bool:
    """Return whether a launch takes an order on: that of its mint, or one since it rests that it buys."""
    snipe, since = order.request.snipe, order.rests.since_slot if order.rests else 0
    if snipe is None:
        return False
    if snipe.mint is not None:
        return launch.token.mint == snipe.mint
    return launch.open_slot > since and _buys(order, launch)


def _buys(order: Order, launch: Launch) -> bool:
    snipe = order.request.snipe
    asked = snipe.filters if snipe else None
    return asked is not None and (
        launch.quote == order.request.token_in
        and asked.mint_renounced in (None, launch.mint_renounced)
        and asked.freezable in (None, launch.freezable)
        and asked.lp_burned in (None, launch.lp_burned)
        and asked.venue in (None, launch.venue)
        and launch.top10_bps <= (launch.top10_bps if asked.max_top10_bps is None else asked.max_top10_bps)
        and launch.liquidity >= (asked.min_liquidity or 0)
    )


def check_pools(open_pools: Mapping[str, object], memory: Memory) -> None:
    """Those pools of launches are there that have opened and not closed."""
    expected = {launch.pool for launch in memory.opened if launch.close_slot > memory.slot}
    require(open_pools.keys() == expected, "the pools of launches come and go", open_pools.keys(), expected)
