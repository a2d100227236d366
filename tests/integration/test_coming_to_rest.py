"""Orders that come to rest and go again, on a real Redis: whatever takes their step, their books follow."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.books import Books, Rebooked, Resting
from orderflow.adapters.keys import order_key
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import Streams
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.order import Fired, Order, OrderRequest, OrderType
from orderflow.domain.resting import Marks, Place
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.errors import RetryableError
from tests.support.builders import (
    NOW_MS,
    WAITING_TYPES,
    make_order,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    with_slice,
)
from tests.support.redis_servers import P0, PARTITIONS, entries_of, on_single_and_cluster
from tests.support.turns import promote
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster

FAR_MS = 4_000_000_000_000


@pytest.fixture
def books(client: redis.Redis) -> Books:
    return Books(client, PARTITIONS)


def limit(price: str, **changes: Any) -> OrderRequest:
    return make_waiting_request("limit", limit=Limit(Price(Decimal(price))), **changes)


def stop(price: str, **changes: Any) -> OrderRequest:
    trigger = Trigger("stop_loss", 2_000, price=Price(Decimal(price)))
    return make_waiting_request("stop_loss", triggers=(trigger,), **changes)


def take_profit(price: str, **changes: Any) -> OrderRequest:
    trigger = Trigger("take_profit", 500, price=Price(Decimal(price)))
    return make_waiting_request("take_profit", triggers=(trigger,), **changes)


def rests(orders: Orders, request: OrderRequest, number: int = 1) -> Order:
    """Have an order come to rest; return it as it is then."""
    new = make_waiting_order(Status.PENDING, request=request, order_id=nth_id(number))
    order = new.open(0, NOW_MS)
    assert orders.apply([Transition(new), Transition(order)]) == [True, True]
    return order


def submitted(orders: Orders, number: int = 1, order_type: OrderType = "limit") -> Order:
    """Have an order's transaction be out; return the order as it is then."""
    way = [Status.PENDING, Status.OPEN, Status.TRIGGERED, Status.ROUTING, Status.BUILDING, Status.SUBMITTED]
    steps = [make_waiting_order(status, order_type, order_id=nth_id(number)) for status in way]
    assert take(orders, *steps) == [True] * len(steps)
    return steps[-1]


def take(orders: Orders, *steps: Order) -> list[bool]:
    return orders.apply([Transition(step) for step in steps])


def tick(best: float, reference: float, slot: int = 0) -> Tick:
    return Tick(slot, {"SOL>USDC": PairPrices(best, reference), "USDC>SOL": PairPrices(1 / best, 1 / reference)})


def entries(client: redis.Redis, order_id: str) -> dict[str, float]:
    """Return every sorted set that an order is in, by name, with its score there."""
    names = map(str, client.hkeys("{p0}:books"))
    keys = {**{f"book:{name}": order_id for name in names}, "resting": order_id, "expiries": f"{order_id} 1"}
    scores = {name: client.zscore(f"{{p0}}:{name}", member) for name, member in keys.items()}
    return {name: score for name, score in scores.items() if score is not None}


def found(books: Books, at: Tick, **how: Any) -> list[str]:
    return [each.order.order_id for each in books.candidates(P0, at, **how).resting]


@pytest.mark.parametrize(
    ("order_type", "entered"),
    [
        ("limit", {"book:limit:SOL>USDC": 219, "resting": float("inf")}),
        ("take_profit", {"book:rise:SOL>USDC": 250, "resting": float("inf")}),
        ("stop_loss", {"book:fall:SOL>USDC": 200, "resting": float("inf")}),
        ("oco", {"book:rise:SOL>USDC": 250, "book:fall:SOL>USDC": 200, "resting": float("inf")}),
        ("trailing_stop", {"resting": 0}),
        ("twap", {"resting": 0}),
    ],
)
def test_an_order_that_comes_to_rest_is_in_the_books_of_its_rules(
    client: redis.Redis, orders: Orders, order_type: OrderType, entered: dict[str, float]
) -> None:
    order = rests(orders, make_waiting_request(order_type))

    assert entries(client, order.order_id) == entered


STEPS: dict[str, Callable[[Order], Order]] = {
    "triggered": lambda order: order.fire(Fired(0, "limit", Decimal(220), 1), NOW_MS),
    "cancelled": lambda order: order.cancel(NOW_MS),
    "expired": lambda order: order.expire(NOW_MS),
    "failed": lambda order: order.fail("x", NOW_MS),
    "confirmed": lambda order: order.fill(order.amount_remaining, (), 7, NOW_MS),
}


@pytest.mark.parametrize("order_type", WAITING_TYPES)
@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_it_takes_it_is_in_none_any_more(
    client: redis.Redis, orders: Orders, order_type: OrderType, step: str
) -> None:
    before = rests(orders, make_waiting_request(order_type))

    assert take(orders, STEPS[step](before)) == [True]

    assert entries(client, before.order_id) == {}
    assert client.exists("{p0}:books") == 0
    assert client.hget(order_key(P0, before.order_id), "books") is None


def test_what_leaves_a_book_leaves_the_others_in_it(client: redis.Redis, orders: Orders) -> None:
    one, other = rests(orders, stop("200"), 1), rests(orders, stop("201"), 2)

    take(orders, one.cancel(NOW_MS))

    assert entries(client, other.order_id) == {"book:fall:SOL>USDC": 201, "resting": float("inf")}


def test_an_order_that_was_amended_is_where_its_new_request_has_it(client: redis.Redis, orders: Orders) -> None:
    order = rests(orders, stop("200", expires_at_ms=FAR_MS))

    assert take(orders, order.amend(take_profit("260", expires_at_ms=FAR_MS + 1), None, NOW_MS)) == [True]

    assert entries(client, order.order_id) == {
        "book:rise:SOL>USDC": 260,
        "resting": float("inf"),
        "expiries": FAR_MS + 1,
    }


def test_an_order_of_which_a_part_is_executed_rests_with_what_is_left(client: redis.Redis, orders: Orders) -> None:
    order = rests(orders, limit("219"))
    part = order.fill(order.request.amount_in // 2, (), 7, NOW_MS)

    assert take(orders, part) == [True]

    assert entries(client, order.order_id) == {"book:limit:SOL>USDC": 219, "resting": float("inf")}


def test_one_that_was_refused_is_in_no_book_until_its_slot(client: redis.Redis, orders: Orders, books: Books) -> None:
    fired = make_waiting_order(Status.TRIGGERED, order_id=nth_id(1))
    reopened = fired.reopen("x", 105, NOW_MS)
    rests(orders, limit("219"))

    assert take(orders, fired, reopened) == [True, True]

    assert entries(client, fired.order_id) == {"resting": 105}
    assert found(books, tick(1_000, 1_000, slot=104)) == []
    assert found(books, tick(1_000, 1_000, slot=105)) == [fired.order_id]


def test_a_stale_step_changes_no_book(client: redis.Redis, orders: Orders) -> None:
    order = rests(orders, stop("200"))
    before = entries(client, order.order_id)

    assert take(orders, order, make_waiting_order(Status.ROUTING, order_id=order.order_id)) == [False, False]

    assert entries(client, order.order_id) == before


def test_a_market_order_is_in_no_book(client: redis.Redis, orders: Orders) -> None:
    take(orders, *[make_order(status) for status in (Status.PENDING, Status.ROUTING)])

    assert [*client.scan_iter("*book*")] == [*client.scan_iter("*resting")] == []


def test_orders_of_another_pair_or_partition_are_not_found(orders: Orders, books: Books) -> None:
    bought = rests(orders, stop("0.004", token_in="USDC", token_out="SOL"), 1)

    assert found(books, tick(200, 200)) == []
    assert books.candidates("p1", tick(300, 300)).resting == []
    assert found(books, tick(300, 300)) == [bought.order_id]


def test_of_stops_the_one_that_was_to_go_at_the_highest_price_comes_first(orders: Orders, books: Books) -> None:
    for number, price in enumerate(("201", "203", "202"), start=1):
        rests(orders, stop(price), number)

    assert found(books, tick(1, 199)) == [nth_id(2), nth_id(3), nth_id(1)]


def test_of_orders_at_one_price_the_earlier_comes_first(orders: Orders, books: Books) -> None:
    for number in (3, 1, 2):
        rests(orders, limit("219"), number)

    assert found(books, tick(219, 220)) == [nth_id(1), nth_id(2), nth_id(3)]


def test_an_order_that_is_found_twice_comes_once(orders: Orders, books: Books) -> None:
    legs = (
        Trigger("take_profit", 500, price=Price(Decimal(200))),
        Trigger("stop_loss", 2_000, price=Price(Decimal(220))),
    )
    order = rests(orders, make_waiting_request("oco", triggers=legs))

    assert found(books, tick(210, 210)) == [order.order_id]


def test_without_limits_only_references_and_slots_count(orders: Orders, books: Books) -> None:
    rests(orders, limit("219"), 1)
    stopped, sliced = rests(orders, stop("200"), 2), rests(orders, make_waiting_request("twap"), 3)

    assert sorted(found(books, tick(300, 199), limits=False)) == [stopped.order_id, sliced.order_id]


def test_an_order_comes_as_it_is_with_all_that_is_noted_of_it(orders: Orders, books: Books) -> None:
    order = rests(orders, limit("219", allow_partial=True))
    marks = Marks(fits_at=219.5, look_slot=150)
    books.rebook([Rebooked(order, Place({"limit:SOL>USDC": 219.5}, 150), marks)])
    orders.request_ends([order], Status.CANCELLED)

    assert books.candidates(P0, tick(219.5, 220)).resting == [Resting(order, marks, Status.CANCELLED)]
    assert books.noted([order]) == [Resting(order, marks, Status.CANCELLED)]
    assert books.noted([]) == []


def test_an_order_that_was_found_elsewhere_from_then_on_is_found_there(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    order = rests(orders, make_waiting_request("trailing_stop", expires_at_ms=FAR_MS))
    place = Place({"fall:SOL>USDC": 198.0, "rise:SOL>USDC": 200.2}, None, FAR_MS)

    books.rebook([Rebooked(order, place, Marks(watermark=200.0))])

    assert entries(client, order.order_id) == {
        "book:fall:SOL>USDC": 198.0,
        "book:rise:SOL>USDC": 200.2,
        "resting": float("inf"),
        "expiries": FAR_MS,
    }
    books.rebook([Rebooked(order, Place(look_slot=7, expires_at_ms=FAR_MS), Marks(watermark=200.0))])
    assert entries(client, order.order_id) == {"resting": 7, "expiries": FAR_MS}


def test_an_order_that_has_taken_a_step_meanwhile_is_left_where_that_put_it(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    order, other = rests(orders, stop("200"), 1), rests(orders, stop("200"), 2)
    ended = rests(orders, stop("200"), 3)
    amended = order.amend(stop("201"), None, NOW_MS)
    take(orders, amended, ended.cancel(NOW_MS))
    elsewhere = Place({"fall:SOL>USDC": 150.0})

    books.rebook([Rebooked(each, elsewhere, Marks(fits_at=1.0)) for each in (order, other, ended.cancel(NOW_MS))])

    assert entries(client, order.order_id)["book:fall:SOL>USDC"] == 201
    assert entries(client, other.order_id)["book:fall:SOL>USDC"] == 150
    assert entries(client, ended.order_id) == {}
    assert [each.marks for each in books.noted([amended, other])] == [Marks(), Marks(fits_at=1.0)]


def test_what_is_noted_by_an_earlier_tick_does_not_take_the_place_of_what_was_by_a_later_one(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    order = rests(orders, make_waiting_request("trailing_stop"))
    later = Rebooked(order, Place({"fall:SOL>USDC": 198.0}), Marks(watermark=200.0, slot=7))
    books.rebook([later])

    books.rebook([Rebooked(order, Place({"fall:SOL>USDC": 190.0}), Marks(watermark=192.0, slot=6))])

    assert books.noted([order]) == [Resting(order, later.marks)]
    assert entries(client, order.order_id)["book:fall:SOL>USDC"] == 198
    books.rebook([Rebooked(order, Place({"fall:SOL>USDC": 207.9}), Marks(watermark=210.0, slot=7))])
    assert entries(client, order.order_id)["book:fall:SOL>USDC"] == 207.9


def test_what_is_noted_of_an_order_is_gone_with_its_next_step(orders: Orders, books: Books) -> None:
    order = rests(orders, limit("219"))
    books.rebook([Rebooked(order, Place({"limit:SOL>USDC": 219.5}), Marks(fits_at=219.5))])

    amended = order.amend(limit("218"), None, NOW_MS)
    take(orders, amended)

    assert books.noted([amended]) == [Resting(amended)]


def test_whether_something_rests_is_known(orders: Orders, books: Books) -> None:
    assert not books.something_rests()
    order = rests(orders, make_waiting_request("twap"))
    assert books.something_rests()

    take(orders, order.cancel(NOW_MS))
    assert not books.something_rests()


def test_an_order_whose_time_is_over_comes_to_its_stream_once(
    client: redis.Redis, orders: Orders, streams: Streams
) -> None:
    due, later = rests(orders, stop("200", expires_at_ms=1), 1), rests(orders, stop("200", expires_at_ms=FAR_MS), 2)

    next_ms = promote(streams, ["expire"])
    promote(streams, ["expire"])

    assert [message["order"] for _, message in entries_of(client, "{p0}:expire")] == [f"{due.order_id} 1"]
    assert client.zrange("{p0}:expiries", 0, -1) == [f"{later.order_id} 1"]
    assert next_ms is not None
    assert next_ms > 10**11


def test_a_turn_moves_so_many_of_them_at_a_time(client: redis.Redis, orders: Orders, streams: Streams) -> None:
    for number in range(1, 6):
        rests(orders, stop("200", expires_at_ms=number), number)

    assert promote(streams, ["expire"], limit=2) == 0

    assert client.xlen("{p0}:expire") == 2
    assert promote(streams, ["expire"], limit=3) is None
    assert client.xlen("{p0}:expire") == 5


def test_timers_and_expiries_are_moved_each_in_its_time(client: redis.Redis, orders: Orders, streams: Streams) -> None:
    order = rests(orders, stop("200", expires_at_ms=1))
    orders.schedule("route", [(order, 60_000)])

    next_ms = promote(streams, ["route", "expire"])

    assert client.xlen("{p0}:expire") == 1
    assert client.xlen("{p0}:route") == 0
    assert next_ms is not None
    assert 50_000 < next_ms <= 60_000


def test_a_timer_that_is_due_sooner_than_what_expires_is_what_a_poller_waits_for(
    client: redis.Redis, orders: Orders, streams: Streams
) -> None:
    order = rests(orders, stop("200", expires_at_ms=FAR_MS))
    orders.schedule("route", [(order, 1)])

    eventually(lambda: promote(streams, ["route"]) is not None and client.xlen("{p0}:route") == 1)

    assert client.xlen("{p0}:expire") == 0


def test_pollers_wake_for_an_order_that_expires_before_all_others(client: redis.Redis, orders: Orders) -> None:
    rests(orders, stop("200", expires_at_ms=FAR_MS), 1)
    [(first, woken)] = entries_of(client, "{p0}:wakes")
    rests(orders, stop("200", expires_at_ms=FAR_MS + 1), 2)
    assert [entry_id for entry_id, _ in entries_of(client, "{p0}:wakes")] == [first]

    rests(orders, stop("200", expires_at_ms=FAR_MS - 1), 3)

    [(second, woken_again)] = entries_of(client, "{p0}:wakes")
    assert second != first
    assert (woken["due"], woken_again["due"]) == (str(FAR_MS), str(FAR_MS - 1))


@pytest.mark.parametrize("step", STEPS)
def test_an_order_expires_until_it_has_ended(client: redis.Redis, orders: Orders, step: str) -> None:
    one, other = (rests(orders, stop("200", expires_at_ms=FAR_MS), number) for number in (1, 2))

    take(orders, STEPS[step](one))

    assert client.zrange("{p0}:expiries", 0, -1) == [
        *([f"{one.order_id} 1"] if step == "triggered" else []),
        f"{other.order_id} 1",
    ]


def test_an_end_is_requested_at_the_step_that_was_read_and_the_first_one_stands(orders: Orders) -> None:
    sent = submitted(orders)
    before = make_waiting_order(Status.BUILDING, order_id=nth_id(1))

    assert orders.request_ends([before], Status.CANCELLED) == [False]
    assert orders.requested_ends([sent.order_id]) == {}
    assert orders.request_ends([sent], Status.EXPIRED) == [True]
    assert orders.request_ends([sent], Status.CANCELLED) == [True]

    assert orders.requested_ends([sent.order_id, nth_id(2)]) == {sent.order_id: Status.EXPIRED}
    assert orders.requested_ends([]) == {}


@pytest.mark.parametrize("again", [Status.OPEN, Status.TRIGGERED])
def test_an_order_whose_end_was_requested_neither_rests_nor_goes_again(
    client: redis.Redis, orders: Orders, again: Status
) -> None:
    sent, other = submitted(orders, 1, "oco"), submitted(orders, 2, "oco")
    orders.request_ends([sent], Status.CANCELLED)
    steps = [
        each.reopen("x", 7, NOW_MS) if again is Status.OPEN else each.fire_again("x", NOW_MS) for each in (sent, other)
    ]

    with pytest.raises(RetryableError, match=f"^the end of {sent.order_id} was requested meanwhile$"):
        take(orders, *steps)

    assert [order_at(orders, each.order_id).status for each in (sent, other)] == [Status.SUBMITTED, again]
    assert entries(client, sent.order_id) == {}
    assert take(orders, sent.cancel(NOW_MS)) == [True]


@pytest.mark.parametrize("end", ["confirmed", "partially_filled", "failed", "expired"])
def test_but_what_its_transaction_came_to_is_noted(orders: Orders, end: str) -> None:
    sent = submitted(orders)
    orders.request_ends([sent], Status.CANCELLED)
    steps = {
        "confirmed": lambda: sent.fill(sent.request.amount_in, (), 7, NOW_MS),
        "partially_filled": lambda: sent.fill(1, (), 7, NOW_MS),
        "failed": lambda: sent.fail("x", NOW_MS),
        "expired": lambda: sent.expire(NOW_MS),
    }

    assert take(orders, steps[end]()) == [True]
    assert order_at(orders, sent.order_id).status == end


@pytest.mark.parametrize("limited", [False, True])
def test_a_slice_is_created_in_the_step_that_begins_it(client: redis.Redis, orders: Orders, *, limited: bool) -> None:
    at = Limit(Price(Decimal(219))) if limited else None
    order = rests(orders, make_waiting_request("twap", limit=at), 1)
    slice_ = msgspec.structs.replace(make_slice(order, Status.PENDING), order_id=nth_id(2))
    begun = with_slice(order)

    assert orders.apply([Transition(begun, child=slice_)]) == [True]

    assert order_at(orders, slice_.order_id) == slice_
    stream = "{p0}:open" if limited else "{p0}:route"
    assert f"{slice_.order_id} 1" in [message["order"] for _, message in entries_of(client, stream)]
    [*_, parents, its_own] = entries_of(client, "{p0}:status")
    assert (parents[1]["order_id"], parents[1]["status"]) == (order.order_id, "open")
    assert (its_own[1]["order_id"], its_own[1]["status"]) == (slice_.order_id, "pending")


def test_a_step_that_is_not_taken_creates_nothing(client: redis.Redis, orders: Orders) -> None:
    order = rests(orders, make_waiting_request("twap"), 1)
    slice_ = msgspec.structs.replace(make_slice(order, Status.PENDING), order_id=nth_id(2))
    take(orders, order.cancel(NOW_MS))

    assert orders.apply([Transition(with_slice(order), child=slice_)]) == [False]

    assert orders.find(slice_.order_id) is None
    assert "{p0}:route" not in [*client.scan_iter()]


def test_of_an_order_that_was_filled_in_parts_all_fills_are_found(orders: Orders) -> None:
    legs = submitted(orders, 2).chosen_route.legs
    part = submitted(orders, 1).fill(1, legs, 7, NOW_MS)
    whole = part.fill(part.amount_remaining, legs, 7, NOW_MS)

    take(orders, part, whole)

    assert order_at(orders, whole.order_id).fills == (*legs, *legs)


def order_at(orders: Orders, order_id: str) -> Order:
    kept = orders.find(order_id)
    assert kept is not None
    return kept[0]


def test_the_watermark_of_a_trailing_stop_that_is_amended_is_the_one_that_it_has_by_then(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    order = rests(orders, make_waiting_request("trailing_stop"))
    place = Place({"fall:SOL>USDC": 222.75}, expires_at_ms=FAR_MS)
    amended = order.amend(order.request, 223.0, NOW_MS)

    # It rises after the amendment was decided, and before it is written.
    books.rebook([Rebooked(order, place, Marks(watermark=225.0, since=7, rule="trailing_stop", slot=9))])
    orders.apply([Transition(amended)])

    # Of which slot it is says which ticks were before it, and are not to be looked at again.
    assert books.noted([amended]) == [Resting(amended, Marks(watermark=225.0, look_slot=0, slot=9))]
    # Its book is that of the watermark that it was amended with, so the next tick looks at it in any case.
    assert entries(client, order.order_id)["book:fall:SOL>USDC"] == pytest.approx(220.77)
    assert entries(client, order.order_id)["resting"] == 0


def test_what_an_order_waited_for_is_forgotten_when_it_goes(orders: Orders, books: Books) -> None:
    order = rests(orders, make_waiting_request("trailing_stop"))
    books.rebook([Rebooked(order, Place(look_slot=7), Marks(watermark=225.0))])
    fired = order.fire(Fired(7, "trailing_stop", Decimal(220), order.request.amount_in), NOW_MS)

    orders.apply([Transition(fired)])

    assert books.noted([fired]) == [Resting(fired, Marks())]
