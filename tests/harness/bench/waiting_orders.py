"""Many orders that wait for one price, on a system that runs: handed to it, and followed until they have ended.

What is here runs in a process of its own: it would keep the event loop of the bench's clients busy.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orderflow.adapters.keys import key, order_key, order_partitions, partition_of
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Limit, Trigger, minimum_of
from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.status import Status
from orderflow.errors import OrderflowError
from orderflow.runtime import clients, clock, order_ids
from tests.harness.bench.far_orders import AT_ONCE, SLIPPAGE_BPS, price_of
from tests.harness.bench.mock_market import SOL, USDC, atoms_worth, move_sol

PAIR = f"{SOL.symbol}>{USDC.symbol}"
LOOK_S = 0.5
"""How often thousands of orders are looked up: each time costs Redis 1 µs an order."""

PLACED_LOOK_S, TOUCH_LOOK_S = 0.1, 0.002
WITHIN_S = 180.0
"""After so long, orders that have not done what they are waited for count as those that never do."""

SHARES = {"half": 0.5, "99 %": 0.99, "all": 1.0}


class NotInTimeError(OrderflowError):
    """Orders, or the market, have not come as far as they should have."""


@dataclass(slots=True)
class Followed:
    """Orders that were followed: what they ended with, how often they were refused, how many ended late or never.

    `below` counts those that received less than their limit allows, `left` those whose end was not seen. By the name
    of a share, the seconds and the slots in which so many had ended.
    """

    endings: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    below: int = 0
    left: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)


def limits(count: int, first: float, apart: float, worth_usd: float) -> list[OrderRequest]:
    """Return limits to sell SOL, the first at so many times what it brings now, each other one `apart` above that."""
    best, amount = clients.venue().prices().prices[PAIR].best, atoms_worth(worth_usd, SOL)
    prices = (price_of(best * (first + number * apart)) for number in range(count))
    return [
        OrderRequest(SOL.symbol, USDC.symbol, amount, "limit", SLIPPAGE_BPS, limit=Limit(price)) for price in prices
    ]


def stops(count: int, at: float, worth_usd: float) -> list[OrderRequest]:
    """Return equal stops that sell SOL at so many times its present reference price."""
    reference = clients.venue().prices().prices[PAIR].reference
    trigger = Trigger("stop_loss", 4 * SLIPPAGE_BPS, price=price_of(reference * at))
    amount = atoms_worth(worth_usd, SOL)
    return [OrderRequest(SOL.symbol, USDC.symbol, amount, "stop_loss", SLIPPAGE_BPS, triggers=(trigger,))] * count


def place(requests: Sequence[OrderRequest]) -> tuple[list[Order], float]:
    """Hand orders to the system as its front door does, and wait until all rest; return them, and the seconds."""
    orders = [Order.accept(order_ids.new(), request, clock.now_ms()) for request in requests]
    began = time.perf_counter()
    for some in _parts(orders):
        clients.orders().apply([Transition(order) for order in some])
    left: Sequence[Order] = orders
    while left := [order for order, status in _statuses(left) if status is Status.PENDING]:
        _wait(began, f"{len(left):,} orders do not rest", PLACED_LOOK_S)
    return orders, time.perf_counter() - began


def touch(stop: OrderRequest, factor: float) -> float:
    """Move SOL's price past that of stops, and wait until none is left in its books; return the seconds it took.

    They count from when the market's price was seen to have come there.
    """
    client, price = clients.redis_client(), stop.triggers[0].price
    assert price is not None
    books = [key(name, f"book:fall:{PAIR}") for name in order_partitions(clients.orders().partitions)]
    move_sol(client, factor)
    began = time.perf_counter()
    while clients.venue().prices().prices[PAIR].reference > price.exact:
        _wait(began, "the price does not come to where it was moved", TOUCH_LOOK_S)
    touched = time.perf_counter()
    while any(client.zcount(book, float(price.value), "+inf") for book in books):
        _wait(touched, "stops are left", TOUCH_LOOK_S)
    return time.perf_counter() - touched


def move_and_follow(orders: Sequence[Order], factor: float = 1.0) -> Followed:
    """Move SOL's price, and look until all orders have ended, or WITHIN_S is over; return what became of them.

    One that Redis no longer has, a minute after the ledger had its end, was not looked up in time and counts as left.
    """
    if factor != 1.0:
        move_sol(clients.redis_client(), factor)
    followed, left = Followed(), orders
    began, first_slot = time.perf_counter(), clients.venue().prices().slot
    while left and time.perf_counter() - began < WITHIN_S:
        time.sleep(LOOK_S)
        kept = [(order, status) for order, status in _statuses(left) if status is not None]
        gone: dict[str, Order] = {}
        for some in _parts([order for order, status in kept if status in TERMINAL]):
            gone |= clients.orders().find_each([each.order_id for each in some])
        for order in gone.values():
            _note(followed, order)
        left = [order for order, _ in kept if order.order_id not in gone]
        taken_s, slots = time.perf_counter() - began, clients.venue().prices().slot - first_slot
        for name, share in SHARES.items():
            if followed.endings.total() >= share * len(orders):
                followed.seconds.setdefault(name, taken_s)
                followed.slots.setdefault(name, slots)
    followed.left = len(orders) - followed.endings.total()
    return followed


def _note(followed: Followed, order: Order) -> None:
    followed.endings[order.status.value] += 1
    followed.refused += order.attempts
    if order.least is not None and order.amount_filled:
        followed.below += (order.amount_out or 0) < minimum_of(order.least, order.amount_filled)


def _statuses(orders: Sequence[Order]) -> Iterator[tuple[Order, Status | None]]:
    """Yield orders, each with its status now: None where Redis no longer has it."""
    for some in _parts(orders):
        pipeline = clients.redis_client().pipeline(transaction=False)
        for order in some:
            pipeline.hget(_key(order), "status")
        statuses = (None if status is None else Status(status) for status in pipeline.execute())
        yield from zip(some, statuses, strict=True)


def _key(order: Order) -> str:
    return order_key(partition_of(order.order_id, clients.orders().partitions), order.order_id)


def _parts(orders: Sequence[Order]) -> Iterator[Sequence[Order]]:
    for start in range(0, len(orders), AT_ONCE):
        yield orders[start : start + AT_ONCE]


def _wait(began: float, what: str, nap_s: float) -> None:
    if time.perf_counter() - began > WITHIN_S:
        raise NotInTimeError(f"after {WITHIN_S:.0f} s {what}")
    time.sleep(nap_s)
