"""Orders on a token that closes, through all functions on a real Redis: they end, whatever they wait for."""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters import books as books_module
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Limit, Price, Rule, Schedule, Trigger
from orderflow.domain.launches import closing_book
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import MARKET, Order, OrderRequest, OrderType
from orderflow.domain.status import Status
from orderflow.runtime import clients, clock
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.keys import CHAIN, chain_key
from tests.support.driven import PARTITIONS, Driven, driven
from tests.support.launched import launched_for
from tests.support.launches import make_sniper_request
from tests.support.lifecycle import TICKS
from tests.support.redis_servers import entries_of

LAUNCH = launched_for("USDC")
SYMBOL, UNIT = LAUNCH.token.symbol, 10**LAUNCH.token.decimals
ENDED = (Status.CANCELLED, "pool closed")


@pytest.fixture
def engine(redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    """Lend an engine in whose market the token has just opened."""
    with driven(redis_client, redis_url, monkeypatch, LAUNCH_EVERY_SLOTS="100") as lent:
        lent.advance(LAUNCH.open_slot)
        yield lent


def at(price: str) -> Price:
    return Price(Decimal(price))


def trigger(rule: Rule, price: str | None = None, **more: Any) -> Trigger:
    return Trigger(rule, 500, price=at(price) if price else None, **more)


def sells(order_type: OrderType, *triggers: Trigger, **more: Any) -> OrderRequest:
    """Return an order that sells a thousand of the token for USDC."""
    tokens = (LAUNCH.token,)
    return OrderRequest(SYMBOL, "USDC", 1_000 * UNIT, order_type, 500, triggers=triggers, tokens=tokens, **more)


HIGH, LOW = "1000", "0.000000001"
FAR = sells("limit", limit=Limit(at(HIGH)))
WAITING = {
    "a limit": FAR,
    "a limit that buys": OrderRequest(
        "USDC", SYMBOL, 10**7, "limit", 500, limit=Limit(at("1000000000")), tokens=(LAUNCH.token,)
    ),
    "a limit over the other hub": msgspec.structs.replace(FAR, token_out="SOL"),
    "a stop": sells("stop_loss", trigger("stop_loss", LOW)),
    "a trailing stop to come": sells(
        "trailing_stop", trigger("trailing_stop", trail_bps=9_000, activation_price=at(HIGH))
    ),
    "a profit": sells("take_profit", trigger("take_profit", HIGH)),
    "one of two": sells("oco", trigger("take_profit", HIGH), trigger("stop_loss", LOW)),
    "a trailing stop": sells("trailing_stop", trigger("trailing_stop", trail_bps=9_000)),
    "slices": sells("twap", schedule=Schedule(3, 604_800_000)),
}


def come_to_the_close(engine: Driven) -> None:
    """Have the market be in the slot before the close: nothing happens to the pool in the hour before."""
    engine.client.hset(chain_key("slot"), "slot", str(LAUNCH.close_slot - 1))
    engine.client.hincrby(chain_key("slot"), "block", 1)  # so that it is read anew


def ends(engine: Driven, *order_ids: str) -> set[tuple[Status, str | None]]:
    orders = [engine.order(order_id) for order_id in order_ids]
    return {(order.status, order.reason) for order in orders}


def as_the_release_before_rested_it(engine: Driven, order_id: str) -> None:
    """Take an order out of the book of its token, of which that release knew nothing."""
    partition, book = partition_of(order_id, PARTITIONS), closing_book(SYMBOL)
    own = order_key(partition, order_id)
    names = str(engine.client.hget(own, "books")).split()
    engine.client.hset(own, "books", " ".join(name for name in names if name != book))
    engine.client.zrem(key(partition, f"book:{book}"), order_id)
    engine.client.hdel(key(partition, "books"), book)


@pytest.mark.parametrize("what", WAITING)
def test_what_rests_on_a_token_ends_with_it_and_with_it_the_clock(engine: Driven, what: str) -> None:
    order_id = engine.place(WAITING[what])
    engine.advance(3)
    come_to_the_close(engine)
    before = engine.order(order_id)

    engine.advance()

    assert before.status in RESTING
    assert ends(engine, order_id) == {ENDED}
    assert engine.books(order_id) == {}
    assert not clients.books().something_rests()
    assert not engine.venue.beat(clients.books().something_rests)
    assert HEARTBEAT not in str(engine.client.zrange(key(CHAIN, "timers"), 0, -1))
    assert not any(engine.client.hlen(key(name, "books")) for name in clients.books().partitions)


def test_other_orders_and_those_of_other_tokens_rest_on(engine: Driven) -> None:
    other = engine.place(OrderRequest("SOL", "USDC", 10**9, "limit", 500, limit=Limit(at(HIGH))))
    any_launch = engine.place(make_sniper_request(filters=None))
    engine.place(FAR)
    come_to_the_close(engine)

    engine.advance(2)

    assert {engine.order(each).status for each in (other, any_launch)} == {Status.OPEN}


def test_a_closing_that_comes_twice_does_nothing_the_second_time(engine: Driven) -> None:
    order_id = engine.place(FAR)
    come_to_the_close(engine)
    engine.venue.produce_blocks([], beat=True)
    [*_, (_, fields)] = entries_of(engine.client, chain_key(TICKS))

    for _ in range(2):
        engine.client.xadd(chain_key(TICKS), {"tick": fields["tick"]})
        engine.work()

    assert engine.statuses(order_id) == ["pending", "open", "cancelled"]


def test_a_crowd_ends_in_pieces_tick_by_tick_and_keeps_no_stop_from_firing(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_module, "PER_BOOK", 3)
    order_ids = [engine.place(FAR) for _ in range(20)]
    stop = engine.place(OrderRequest("SOL", "USDC", 10**9, "stop_loss", 500, triggers=(trigger("stop_loss", "200"),)))
    come_to_the_close(engine)
    engine.reprice("SOL", "150")
    left: list[int] = []

    while not left or left[-1]:
        engine.venue.produce_blocks([], beat=True)
        engine.work(without=("route_order",))
        left.append(sum(not engine.order(order_id).has_ended for order_id in order_ids))

        assert engine.order(stop).status is Status.TRIGGERED

    ended = [before - after for before, after in itertools.pairwise([20, *left])]
    assert all(1 <= each <= 3 * PARTITIONS for each in ended)
    assert ends(engine, *order_ids) == {ENDED}


def test_slices_that_are_filled_stay_filled_and_the_others_are_not_begun(engine: Driven) -> None:
    engine.place(make_sniper_request(LAUNCH.token.mint, amount_in=10**7))
    come_to_the_close(engine)
    engine.client.hset(chain_key("slot"), "slot", str(LAUNCH.close_slot - 20))
    order_id = engine.place(sells("twap", schedule=Schedule(4, 4_000)))

    engine.advance(40)

    order = engine.order(order_id)
    assert (order.status, order.reason) == ENDED
    assert order.progress is not None
    assert (order.progress.filled, order.progress.begun) == (order.progress.ended, order.progress.ended)
    assert order.amount_filled == order.progress.filled * 250 * UNIT > 0
    assert engine.history(order_id)[-1].amount_filled == order.amount_filled


def test_a_slice_under_way_at_the_close_ends_before_its_whole_does(engine: Driven) -> None:
    come_to_the_close(engine)
    order_id = engine.place(sells("twap", schedule=Schedule(3, 4_000)), without=("route_order",))
    assert engine.order(order_id).has_slice_under_way

    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("route_order",))
    held = engine.order(order_id)
    engine.work()

    assert held.has_slice_under_way
    assert not held.has_ended
    order = engine.order(order_id)
    assert order.child_id is not None
    assert ends(engine, order.child_id) == {(Status.FAILED, "pool closed")}
    assert (order.status, order.reason, order.amount_filled) == (*ENDED, 0)


@pytest.mark.parametrize(
    ("rests", "met"),
    [
        (WAITING["a stop"], {"triggers": (trigger("stop_loss", HIGH),)}),
        (FAR, {"limit": Limit(at(LOW))}),
    ],
    ids=["a stop", "a limit"],
)
def test_one_whose_transaction_is_refused_by_a_closed_pool_ends_and_does_not_rest(
    engine: Driven, rests: OrderRequest, met: dict[str, Any]
) -> None:
    come_to_the_close(engine)
    order_id = engine.place(rests)
    amended = engine.order(order_id).amend(msgspec.structs.replace(rests, **met), None, clock.now_ms())
    assert clients.orders().apply([Transition(amended)]) == [True]
    engine.work(without=("produce_block", "confirm_order"))
    assert engine.order(order_id).status is Status.SUBMITTED

    engine.venue.produce_blocks([], beat=True)
    engine.work()

    assert engine.statuses(order_id)[-2:] == ["submitted", "cancelled"]
    assert ends(engine, order_id) == {ENDED}


def test_one_whose_transaction_landed_in_time_is_executed(engine: Driven) -> None:
    engine.place(make_sniper_request(LAUNCH.token.mint, amount_in=10**7))
    met = msgspec.structs.replace(FAR, limit=Limit(at(LOW)))
    order_id = engine.place(met, without=("confirm_order",))
    assert engine.order(order_id).status is Status.SUBMITTED
    come_to_the_close(engine)

    engine.advance()

    assert engine.order(order_id).status is Status.CONFIRMED


@pytest.mark.parametrize("is_routed_late", [True, False])
def test_one_that_fired_before_the_close_ends_where_it_is_by_then(engine: Driven, *, is_routed_late: bool) -> None:
    late = "route_order" if is_routed_late else "submit_order"
    met = msgspec.structs.replace(FAR, limit=Limit(at(LOW)))
    order_id = engine.place(met, without=(late,))
    come_to_the_close(engine)

    engine.advance()

    assert ends(engine, order_id) == {ENDED}
    assert ("open" in engine.statuses(order_id)[2:]) is False


@pytest.mark.parametrize(
    "request_", [FAR, WAITING["slices"], make_sniper_request(LAUNCH.token.mint)], ids=["limit", "slices", "sniper"]
)
def test_one_that_comes_to_rest_after_the_close_ends_by_its_own_look(engine: Driven, request_: OrderRequest) -> None:
    order_id = engine.place(request_, without=("open_order",))
    come_to_the_close(engine)
    engine.venue.produce_blocks([], beat=True)

    engine.work()

    assert engine.statuses(order_id) == ["pending", "open", "cancelled"]
    assert ends(engine, order_id) == {ENDED}


def test_one_that_is_cancelled_or_expires_at_the_close_ends_as_was_asked(engine: Driven) -> None:
    now_ms = clients.books().now_ms()
    order_id = engine.place(msgspec.structs.replace(FAR, expires_at_ms=now_ms + 60_000, time_in_force="gtd"))
    come_to_the_close(engine)
    engine.venue.produce_blocks([], beat=True)
    order = engine.order(order_id)
    assert clients.orders().request_ends([order], Status.EXPIRED) == [True]

    engine.work()

    assert ends(engine, order_id) == {(Status.EXPIRED, None)}


@pytest.mark.parametrize("what", [name for name in WAITING if name != "slices"])
def test_what_the_release_before_rested_on_a_token_that_has_closed_ends_by_the_next_ticks(
    engine: Driven, what: str
) -> None:
    order_id = engine.place(WAITING[what])
    come_to_the_close(engine)
    as_the_release_before_rested_it(engine, order_id)
    engine.venue.produce_blocks([], beat=True)
    engine.client.xtrim(chain_key(TICKS), maxlen=0)  # nobody said that it closed

    engine.advance()

    assert ends(engine, order_id) == {ENDED}


def test_slices_that_the_release_before_rested_end_when_the_next_is_due(engine: Driven) -> None:
    order_id = engine.place(sells("twap", schedule=Schedule(3, 4_000)))
    engine.advance(5)
    as_the_release_before_rested_it(engine, order_id)
    come_to_the_close(engine)

    engine.advance()

    order = engine.order(order_id)
    assert (order.status, order.reason, order.progress and order.progress.filled) == (*ENDED, 1)


@pytest.mark.parametrize("what", ["slices", "a limit"])
def test_a_closing_whose_tick_was_given_up_is_found_by_the_next_one(engine: Driven, what: str) -> None:
    order_id = engine.place(WAITING[what])
    engine.advance(5)
    come_to_the_close(engine)
    engine.venue.produce_blocks([], beat=True)
    engine.client.xtrim(chain_key(TICKS), maxlen=0)

    engine.advance()

    assert ends(engine, order_id) == {ENDED}


def test_a_token_that_is_announced_and_not_open_yet_is_not_taken_for_closed(
    redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with driven(redis_client, redis_url, monkeypatch, LAUNCH_EVERY_SLOTS="100") as engine:
        order_id = engine.place(FAR)
        slices = engine.place(sells("limit", limit=Limit(at(LOW))))
        engine.advance(LAUNCH.open_slot - 1 - engine.slot)
        before = engine.order(order_id), engine.order(slices)
        engine.advance(10)

        assert [order.status for order in before] == [Status.OPEN, Status.OPEN]
        assert engine.order(order_id).status is Status.OPEN
        assert engine.order(slices).status is not Status.OPEN


def test_a_market_order_on_a_token_that_has_closed_fails_and_says_so(engine: Driven) -> None:
    come_to_the_close(engine)
    engine.advance()

    order: Order = engine.order(engine.place(OrderRequest("USDC", SYMBOL, 10**7, MARKET, 500, tokens=(LAUNCH.token,))))

    assert (order.status, order.reason) == (Status.FAILED, "pool closed")
