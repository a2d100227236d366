"""Orders taken back on a real Redis: what a cancel or an expiry does to them, whatever step they are at."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import redis

from orderflow.adapters.keys import order_key
from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.conditions import Limit, Price, Schedule
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.slicing import begun, slice_request
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.taking_back import take_back, take_back_each
from tests.support.order_steps import NOW_MS, pending, routed, submitted
from tests.support.redis_servers import P0, on_single_and_cluster

pytestmark = on_single_and_cluster
LIMIT = OrderRequest("SOL", "USDC", 10**9, "limit", 500, limit=Limit(Price(Decimal(230))))
SLICES = OrderRequest("SOL", "USDC", 10**10, "twap", 500, schedule=Schedule(4, 1_600))


def kept(orders: Orders, *steps: Order) -> Order:
    """Have an order take these steps, and return it."""
    assert orders.apply([Transition(step) for step in steps]) == [True] * len(steps)
    return steps[-1]


def an_open_order(orders: Orders, request: OrderRequest = LIMIT) -> Order:
    order = pending(request=request)
    return kept(orders, order, order.open(7, NOW_MS))


def with_a_slice_under_way(orders: Orders) -> tuple[Order, Order]:
    """Return an order in slices whose first one has begun, and that slice."""
    order = an_open_order(orders, SLICES)
    progress = begun(order, 9)
    child = Order.accept(
        pending().order_id, slice_request(order), NOW_MS, parent_id=order.order_id, slice_number=progress.begun
    )
    parent = order.go_on(progress, NOW_MS, child.order_id)
    assert orders.apply([Transition(parent, child=child)]) == [True]
    return parent, child


def status_of(orders: Orders, order: Order) -> tuple[Status, int]:
    found = orders.find(order.order_id)
    assert found is not None
    return found[0].status, found[0].sequence


@pytest.mark.parametrize("step", [lambda order: order, routed])
def test_an_order_whose_transaction_is_not_out_ends_at_once(orders: Orders, step: Callable[[Order], Order]) -> None:
    order = pending()
    last = kept(orders, *dict.fromkeys([order, step(order)]))

    taken = take_back(orders, order.order_id, Status.CANCELLED, NOW_MS)

    assert not taken.is_requested
    assert status_of(orders, order) == (Status.CANCELLED, last.sequence + 1)


def test_an_order_that_rests_leaves_its_books(client: redis.Redis, orders: Orders) -> None:
    order = an_open_order(orders)

    take_back(orders, order.order_id, Status.EXPIRED, NOW_MS)

    assert status_of(orders, order) == (Status.EXPIRED, 3)
    assert client.exists("{p0}:book:limit:SOL>USDC", "{p0}:books", "{p0}:resting") == 0


def test_the_end_of_an_order_that_is_out_is_requested_and_what_was_requested_first_stands(
    client: redis.Redis, orders: Orders
) -> None:
    order = pending()
    sent = kept(orders, order, routed(order), routed(order).build(("swap",), 9, NOW_MS, NOW_MS), submitted(order))

    cancelled = take_back(orders, order.order_id, Status.CANCELLED, NOW_MS)
    expired = take_back(orders, order.order_id, Status.EXPIRED, NOW_MS)

    assert cancelled.is_requested
    assert expired.is_requested
    assert status_of(orders, order) == (Status.SUBMITTED, sent.sequence)
    assert client.hget(order_key(P0, order.order_id), "ending") == "cancelled"


def test_the_end_of_an_order_in_slices_is_requested_and_its_slice_is_cancelled(
    client: redis.Redis, orders: Orders
) -> None:
    parent, child = with_a_slice_under_way(orders)

    taken = take_back(orders, parent.order_id, Status.CANCELLED, NOW_MS)

    assert taken.is_requested
    assert status_of(orders, parent) == (Status.OPEN, parent.sequence)
    assert status_of(orders, child) == (Status.CANCELLED, 2)
    assert client.hget(order_key(P0, parent.order_id), "ending") == "cancelled"


def test_what_has_ended_stays_as_it_is_and_what_is_unknown_is_nothing(orders: Orders) -> None:
    order = pending()
    kept(orders, order, order.fail("no way", NOW_MS))

    taken = take_back_each(orders, [order.order_id, "unknown"], Status.CANCELLED, NOW_MS)

    assert taken["unknown"].order is None
    assert taken[order.order_id].order == order.fail("no way", NOW_MS)


def test_many_orders_are_taken_back_in_as_many_trips_as_one(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [an_open_order(orders) for _ in range(50)]
    calls: list[str] = []
    for name in ("find_each", "apply", "request_ends"):
        monkeypatch.setattr(orders, name, counted(calls, name, getattr(orders, name)))

    taken = take_back_each(orders, [order.order_id for order in some], Status.CANCELLED, NOW_MS)

    assert sorted(calls) == ["apply", "find_each", "request_ends"]
    assert {order.status for order, _ in taken.values() if order} == {Status.CANCELLED}


def counted(calls: list[str], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if any(arguments):
            calls.append(name)
        return method(*arguments)

    return call


def test_an_order_of_newer_code_is_neither_unknown_nor_taken_back(client: redis.Redis, orders: Orders) -> None:
    order = an_open_order(orders)
    step = str(client.hget(order_key(P0, order.order_id), "step:1")).replace('"limit","slippage', '"iceberg","slippage')
    client.hset(order_key(P0, order.order_id), "step:1", step)

    with pytest.raises(RetryableError, match="an order is of newer code"):
        take_back(orders, order.order_id, Status.CANCELLED, NOW_MS)


def test_an_order_that_takes_a_step_meanwhile_is_read_again(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    order = pending()
    kept(orders, order)
    steps = [routed(order)]
    find_each = orders.find_each

    def find_and_step(order_ids: list[str], account: str | None) -> dict[str, Order]:
        found = find_each(order_ids, account)
        if steps:
            kept(orders, steps.pop())
        return found

    monkeypatch.setattr(orders, "find_each", find_and_step)

    taken = take_back(orders, order.order_id, Status.CANCELLED, NOW_MS)

    assert taken.order is not None
    assert (taken.order.status, taken.order.sequence) == (Status.CANCELLED, 3)


def test_an_order_that_steps_each_time_is_left_for_later(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    order = an_open_order(orders)
    at_first = {order.order_id: pending(order.order_id, LIMIT)}
    monkeypatch.setattr(orders, "find_each", lambda order_ids, account: at_first)

    with pytest.raises(RetryableError, match="took another step each time"):
        take_back(orders, order.order_id, Status.CANCELLED, NOW_MS)
