"""Orders that wait, through all functions on a real Redis: what fires them, what refuses them, how they end."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest
import redis

from orderflow.adapters.keys import order_key, partition_of
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime import clients, clock
from orderflow.runtime.taking_back import take_back
from orderflow.venues.mock.chain import Blocks
from orderflow.venues.mock.chain_store import ChainStore
from tests.support.driven import PARTITIONS, Driven, driven

SOL, USDC = 10**9, 10**6
EXECUTED = ["pending", "open", "triggered", "routing", "building", "submitted", "confirmed"]


@pytest.fixture
def engine(redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    with driven(redis_client, redis_url, monkeypatch) as lent:
        yield lent


def limit(price: str, amount: int = 5 * SOL, **more: object) -> OrderRequest:
    return OrderRequest("SOL", "USDC", amount, "limit", 500, limit=Limit(Price(Decimal(price))), **more)  # type: ignore[arg-type]


def take_profit(price: str) -> Trigger:
    return Trigger("take_profit", 500, price=Price(Decimal(price)))


def stop_loss(price: str) -> Trigger:
    return Trigger("stop_loss", 2000, price=Price(Decimal(price)))


def stop(price: str, **more: object) -> OrderRequest:
    trigger = Trigger("stop_loss", 2000, price=Price(Decimal(price)), **more)  # type: ignore[arg-type]
    return OrderRequest("SOL", "USDC", 5 * SOL, "stop_loss", 2000, triggers=(trigger,))


def test_a_limit_that_the_market_meets_is_executed_at_once_at_the_markets_price(engine: Driven) -> None:
    order_id = engine.place(limit("200"))

    order = engine.order(order_id)
    assert engine.statuses(order_id) == EXECUTED
    assert order.amount_filled == 5 * SOL
    assert (order.amount_out or 0) > 215 * 5 * USDC
    assert engine.look_slot(order_id) is None


def test_a_limit_rests_in_its_book_until_the_market_pays_it_and_never_gets_less(engine: Driven) -> None:
    order_id = engine.place(limit("221.5"))
    assert engine.statuses(order_id) == ["pending", "open"]
    assert engine.books(order_id) == {"limit:SOL>USDC": 221.5}

    engine.reprice("SOL", "226")
    engine.advance(2)

    order = engine.order(order_id)
    assert engine.statuses(order_id) == EXECUTED
    assert (order.amount_out or 0) >= 221.5 * 5 * USDC
    assert engine.books(order_id) == {}


def test_one_that_is_all_or_nothing_is_cancelled_when_it_does_not_fit(engine: Driven) -> None:
    order_id = engine.place(limit("225", time_in_force="fok"))

    [*_, last] = engine.history(order_id)
    assert engine.statuses(order_id) == ["pending", "open", "cancelled"]
    assert last.reason
    assert last.reason.startswith("would yield 1")
    assert last.reason.endswith(" USDC, limit 1125")


def test_a_stop_fires_when_the_reference_touches_it_and_is_a_market_order_then(engine: Driven) -> None:
    order_id = engine.place(stop("210"))
    assert list(engine.books(order_id)) == ["fall:SOL>USDC"]
    engine.advance(3)
    assert engine.statuses(order_id) == ["pending", "open"]

    engine.reprice("SOL", "205")
    engine.advance(1)

    assert engine.statuses(order_id) == EXECUTED
    [fired] = [event for event in engine.history(order_id) if event.status is Status.TRIGGERED]
    assert fired.rule == "stop_loss"
    assert fired.price is not None
    assert Decimal(200) < fired.price <= Decimal(210)  # type: ignore[operator]


def test_a_stop_that_would_fire_at_once_fails_and_says_why(engine: Driven) -> None:
    order_id = engine.place(stop("230"))

    [*_, last] = engine.history(order_id)
    assert engine.statuses(order_id) == ["pending", "failed"]
    assert last.reason
    assert last.reason.startswith("would trigger immediately: reference 2")
    assert last.reason.endswith("is at or below 230")


def test_an_oco_fills_once_by_whichever_of_its_legs_comes_first(engine: Driven) -> None:
    legs = (
        Trigger("take_profit", 500, price=Price(Decimal(230))),
        Trigger("stop_loss", 2000, price=Price(Decimal(210))),
    )
    order_id = engine.place(OrderRequest("SOL", "USDC", 5 * SOL, "oco", 500, triggers=legs))
    assert set(engine.books(order_id)) == {"rise:SOL>USDC", "fall:SOL>USDC"}

    engine.reprice("SOL", "240")
    engine.advance(2)
    engine.reprice("SOL", "190")
    engine.advance(2)

    assert engine.statuses(order_id) == EXECUTED
    assert engine.order(order_id).fired.rule == "take_profit"  # type: ignore[union-attr]


def test_a_trailing_stop_follows_a_rally_and_fires_when_it_is_over(engine: Driven) -> None:
    trailing = Trigger("trailing_stop", 2000, trail_bps=300)
    order_id = engine.place(OrderRequest("SOL", "USDC", 5 * SOL, "trailing_stop", 2000, triggers=(trailing,)))
    engine.advance(1)
    before = engine.books(order_id)["fall:SOL>USDC"]
    engine.reprice("SOL", "240")
    engine.advance(1)
    after = engine.books(order_id)["fall:SOL>USDC"]
    assert after > before * 1.05

    engine.reprice("SOL", "231")
    engine.advance(1)

    assert engine.statuses(order_id) == EXECUTED


def test_a_bracket_sells_what_was_really_received(engine: Driven) -> None:
    exits = (
        Trigger("take_profit", 500, price=Price(Decimal(260))),
        Trigger("stop_loss", 2000, price=Price(Decimal(200))),
    )
    order_id = engine.place(OrderRequest("USDC", "SOL", 1000 * USDC, "market", 500, exits=exits))

    parent = engine.order(order_id)
    assert parent.status is Status.CONFIRMED
    assert parent.child_id is not None
    child = engine.order(parent.child_id)
    assert (child.status, child.request.amount_in, child.parent_id) == (Status.OPEN, parent.amount_out, order_id)

    engine.reprice("SOL", "190")
    engine.advance(2)

    assert engine.statuses(parent.child_id) == EXECUTED


def test_an_order_in_slices_is_executed_one_by_one_on_its_grid(engine: Driven) -> None:
    request = OrderRequest("SOL", "USDC", 10 * SOL + 1, "twap", 500, schedule=Schedule(4, 1600))
    order_id = engine.place(request)
    for _ in range(20):
        engine.advance(1)

    order = engine.order(order_id)
    assert order.status is Status.CONFIRMED, engine.statuses(order_id)
    assert order.amount_filled == request.amount_in
    # Each slice is a step when it begins and a step when it has ended.
    assert engine.statuses(order_id) == ["pending", "open", "open", *["partially_filled"] * 6, "confirmed"]
    slices = [engine.order(event.child_id) for event in engine.history(order_id) if event.child_id]
    assert [each.request.amount_in for each in dict.fromkeys(slices)] == [
        2500000000,
        2500000000,
        2500000000,
        2500000001,
    ]


def test_a_part_is_executed_and_the_rest_rests(engine: Driven) -> None:
    order_id = engine.place(limit("219", 40_000 * SOL, allow_partial=True))

    order = engine.order(order_id)
    assert "partially_filled" in engine.statuses(order_id)
    assert order.status in (Status.PARTIALLY_FILLED, Status.OPEN)
    assert 0 < order.amount_filled < 40_000 * SOL
    assert Fraction(order.amount_out or 0, order.amount_filled) >= Fraction(219, 1000)


def test_immediate_or_cancel_takes_what_there_is_and_cancels_the_rest(engine: Driven) -> None:
    order_id = engine.place(limit("219", 40_000 * SOL, time_in_force="ioc"))

    order = engine.order(order_id)
    assert engine.statuses(order_id)[-3:] == ["submitted", "partially_filled", "cancelled"]
    assert order.amount_filled > 0


def test_a_cancelled_order_is_in_no_book_and_never_fires(engine: Driven) -> None:
    order_id = engine.place(limit("230"))

    take_back(clients.orders(), order_id, Status.CANCELLED, clock.now_ms())
    engine.reprice("SOL", "260")
    engine.advance(3)

    assert engine.statuses(order_id) == ["pending", "open", "cancelled"]
    assert engine.look_slot(order_id) is None


def test_an_order_expires_at_its_time_though_the_market_stands_still(engine: Driven) -> None:
    order_id = engine.place(limit("230", expires_at_ms=clock.now_ms() + 300))

    engine.wait_until_ended(order_id)

    assert engine.statuses(order_id) == ["pending", "open", "expired"]


def test_an_order_that_ends_is_not_kept_among_those_that_expire(engine: Driven) -> None:
    ahead_ms = clock.now_ms() + 600_000
    filled, cancelled = (engine.place(limit(price, expires_at_ms=ahead_ms)) for price in ("200", "230"))
    rests = engine.place(limit("230", expires_at_ms=ahead_ms))

    take_back(clients.orders(), cancelled, Status.CANCELLED, clock.now_ms())

    assert engine.order(filled).status is Status.CONFIRMED
    assert engine.expiring() == {rests}


@pytest.mark.parametrize("wrong_by_ms", [3_600_000, -3_600_000])
def test_an_order_expires_by_the_clock_of_redis_however_wrong_a_functions_is(engine: Driven, wrong_by_ms: int) -> None:
    now_ms = clock.now_ms()
    engine.now_ms = now_ms + wrong_by_ms
    soon, later = (engine.place(limit("230", expires_at_ms=now_ms + after_ms)) for after_ms in (300, 600_000))

    engine.wait_until_ended(soon)
    engine.advance(1)

    assert engine.statuses(soon) == ["pending", "open", "expired"]
    assert engine.statuses(later) == ["pending", "open"]


def test_a_slice_that_its_limit_refuses_is_left_out_and_the_others_take_its_share(engine: Driven) -> None:
    at_least = Limit(Price(Decimal(215)))
    request = OrderRequest("SOL", "USDC", 1_000_000_003, "twap", 500, limit=at_least, schedule=Schedule(4, 1600))
    order_id = engine.place(request)
    engine.reprice("SOL", "205")
    engine.advance(4)
    engine.reprice("SOL", "225")
    engine.advance(12)

    order = engine.order(order_id)
    children = [engine.order(event.child_id) for event in engine.history(order_id) if isinstance(event.child_id, str)]
    slices = {child.order_id: child for child in children}.values()
    assert [(child.request.amount_in, child.status.value) for child in slices] == [
        (250_000_000, "confirmed"),
        (250_000_001, "cancelled"),
        (375_000_001, "confirmed"),
        (375_000_002, "confirmed"),
    ]
    assert (order.status, order.amount_filled) == (Status.CONFIRMED, 1_000_000_003)


def test_a_slice_under_way_at_the_next_time_pushes_the_next_slice_to_the_one_after(engine: Driven) -> None:
    order = OrderRequest("SOL", "USDC", 3 * SOL, "twap", 500, schedule=Schedule(3, 1600))
    order_id = engine.place(order, without=("settle_slice",))
    progress = engine.order(order_id).progress
    assert progress is not None
    for _ in range(6):  # beyond the next time, 4 slots after the first
        engine.venue.produce_blocks([], beat=True)
        engine.work(without=("settle_slice",))
    engine.work()

    assert engine.order(order_id).progress.begun == 1  # type: ignore[union-attr]

    # Landings let slots pass too, so that a slice may begin some slots after its time, and then none is made up for.
    at: dict[int, int] = {}
    while not engine.order(order_id).has_ended:
        engine.advance(1)
        if (now := engine.order(order_id).progress) is not None:
            at.setdefault(now.begun, now.at)

    assert 2 <= at[2] < at[3]


@pytest.mark.parametrize("price", ["220", "205"])
def test_a_slice_that_has_left_redis_before_it_is_added_is_added_all_the_same(engine: Driven, price: str) -> None:
    at_least = Limit(Price(Decimal(215)))
    request = OrderRequest("SOL", "USDC", 2 * SOL, "twap", 500, limit=at_least, schedule=Schedule(2, 1600))
    engine.reprice("SOL", price)
    engine.venue.produce_blocks([], beat=True)
    order_id = engine.place(request, without=("settle_slice",))
    slice_id = engine.history(order_id)[-1].child_id
    assert slice_id
    ended = engine.order(slice_id)
    assert ended.has_ended

    # Nobody works at `settle` for longer than a recorded order is kept.
    engine.client.delete(order_key(partition_of(slice_id, PARTITIONS), slice_id))
    engine.work()

    order = engine.order(order_id)
    assert order.progress is not None
    assert order.progress.ended == 1
    assert (order.amount_filled, order.amount_out or 0) == (
        (SOL, ended.amount_out) if ended.status is Status.CONFIRMED else (0, 0)
    )


def test_an_order_in_slices_whose_last_is_refused_fails_with_what_it_has(engine: Driven) -> None:
    at_least = Limit(Price(Decimal(215)))
    request = OrderRequest("SOL", "USDC", 2 * SOL, "twap", 500, limit=at_least, schedule=Schedule(2, 1600))
    order_id = engine.place(request)
    engine.reprice("SOL", "205")
    engine.advance(6)

    [*_, last] = engine.history(order_id)
    assert (last.status, last.reason) == (Status.FAILED, "filled 1 of 2 slices")
    assert last.amount_filled == SOL


def test_a_stop_waits_until_its_condition_has_held_for_so_many_slots(engine: Driven) -> None:
    order_id = engine.place(stop("210", slots=3))
    engine.reprice("SOL", "205")
    engine.advance(2)
    assert engine.statuses(order_id) == ["pending", "open"]
    engine.reprice("SOL", "216")
    engine.advance(1)
    engine.reprice("SOL", "205")
    engine.advance(2)
    assert engine.statuses(order_id) == ["pending", "open"]

    engine.advance(1)

    assert engine.statuses(order_id) == EXECUTED


def test_a_limit_that_is_refused_rests_again_and_waits_longer_each_time(engine: Driven) -> None:
    order_id = engine.place(limit("221.5"))
    waits = []
    for _ in range(3):
        engine.reprice("SOL", "226")
        engine.venue.produce_blocks([], beat=True)
        engine.work(without=("route_order",))
        assert engine.order(order_id).status is Status.TRIGGERED
        engine.reprice("SOL", "210")
        engine.venue.produce_blocks([], beat=True)
        engine.work()
        order = engine.order(order_id)
        assert order.status is Status.OPEN
        assert order.rests is not None
        waits.append((order.rests.from_slot or 0) - engine.slot)
        assert engine.books(order_id) == {}
        engine.advance(waits[-1])
        assert list(engine.books(order_id)) == ["limit:SOL>USDC"]

    assert waits == [1, 2, 4]
    [*_, last] = engine.history(order_id)
    assert last.reason
    assert last.reason.startswith("attempt 3: would yield 10")
    assert " USDC, limit 1107.5; next attempt from slot " in last.reason


def test_a_cancel_while_the_transaction_is_out_comes_when_it_is_refused(engine: Driven) -> None:
    order_id = engine.place(limit("221.5"))
    engine.reprice("SOL", "226")
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("produce_block",))
    assert engine.order(order_id).status is Status.SUBMITTED

    taken = take_back(clients.orders(), order_id, Status.CANCELLED, clock.now_ms())
    engine.reprice("SOL", "205")
    engine.advance(1)

    assert taken.is_requested
    assert engine.statuses(order_id)[-2:] == ["submitted", "cancelled"]
    assert engine.look_slot(order_id) is None


def test_a_cancel_while_the_transaction_is_out_changes_nothing_when_it_is_executed(engine: Driven) -> None:
    order_id = engine.place(limit("221.5"))
    engine.reprice("SOL", "226")
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("produce_block",))

    take_back(clients.orders(), order_id, Status.CANCELLED, clock.now_ms())
    engine.work()

    assert engine.statuses(order_id) == EXECUTED


def test_nothing_is_executed_at_or_after_its_expiry_however_late_the_block_is(engine: Driven) -> None:
    order_id = engine.place(limit("221.5", expires_at_ms=clock.now_ms() + 700))
    engine.reprice("SOL", "226")
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("produce_block", "expire_order"))
    assert engine.order(order_id).status is Status.SUBMITTED

    engine.wait_until(lambda: clock.now_ms() > (engine.order(order_id).request.expires_at_ms or 0))
    engine.work()

    assert engine.statuses(order_id)[-2:] == ["submitted", "expired"]


def test_a_block_that_comes_too_late_for_an_order_that_it_fills_is_made_anew_without_it(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = engine.place(limit("221.5", expires_at_ms=clock.now_ms() + 700))
    engine.reprice("SOL", "226")
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("produce_block", "expire_order"))
    order, commit = engine.order(order_id), ChainStore.commit

    def held_up(self: ChainStore, block: int, blocks: Blocks, *, beat: bool = False) -> bool:
        assert [execution.error for execution in blocks.executions] == [None]
        engine.wait_until(lambda: clock.now_ms() >= (order.request.expires_at_ms or 0))
        return commit(self, block, blocks, beat=beat)

    with monkeypatch.context() as patch:
        patch.setattr(ChainStore, "commit", held_up)
        with pytest.raises(RetryableError):
            engine.venue.produce_blocks([order])
    engine.work()

    assert engine.statuses(order_id)[-2:] == ["submitted", "expired"]
    assert not engine.order(order_id).fills


def test_exits_that_would_fire_at_once_fire_at_once(engine: Driven) -> None:
    bought = OrderRequest("USDC", "SOL", 1000 * USDC, "market", 500, exits=(stop_loss("230"),))

    order_id = engine.place(bought)

    child_id = engine.order(order_id).child_id
    assert child_id is not None
    assert engine.statuses(child_id) == EXECUTED


def test_all_stops_that_a_price_touches_fire_though_the_next_price_is_another(engine: Driven) -> None:
    order_ids = [engine.place(stop("210", slots=1)) for _ in range(250)]
    engine.reprice("SOL", "205")
    engine.venue.produce_blocks([], beat=True)
    engine.reprice("SOL", "225")
    engine.venue.produce_blocks([], beat=True)

    engine.work()

    assert {engine.order(order_id).status for order_id in order_ids} == {Status.CONFIRMED}


def test_of_many_equal_limits_none_is_filled_below_its_price_and_all_are_worked_off(engine: Driven) -> None:
    order_ids = [engine.place(limit("221.5", 200 * SOL)) for _ in range(120)]
    engine.reprice("SOL", "228")

    for _ in range(200):
        engine.advance(1)
        if all(engine.order(order_id).has_ended for order_id in order_ids):
            break

    orders = [engine.order(order_id) for order_id in order_ids]
    assert {order.status for order in orders} == {Status.CONFIRMED}
    assert min(order.amount_out or 0 for order in orders) >= 221.5 * 200 * USDC
