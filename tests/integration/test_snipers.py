"""Orders that wait for launches, through all functions on a real Redis: what they buy, once, and how else they end."""

from collections.abc import Iterator

import msgspec
import pytest
import redis

from orderflow.domain.conditions import Trigger
from orderflow.domain.launches import LaunchFilters
from orderflow.domain.order import MARKET, Order, OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import swap
from orderflow.domain.status import Status
from orderflow.runtime import clients, clock
from orderflow.runtime.taking_back import take_back
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.crowd import LaunchedPools
from orderflow.venues.mock.keys import chain_key
from orderflow.venues.mock.launches import Calendar, launch_at
from tests.support.driven import Driven, driven
from tests.support.launched import launched_for
from tests.support.launches import make_sniper_request

SNIPED = ["pending", "open", "triggered", "routing", "building", "submitted", "confirmed"]
USDC = 10**6
LAUNCH = launched_for("USDC")
BEFORE = LAUNCH.open_slot - 1


@pytest.fixture
def engine(redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    with driven(redis_client, redis_url, monkeypatch, LAUNCH_EVERY_SLOTS="100") as lent:
        yield lent


def for_mint(amount: int = 100 * USDC, **more: object) -> OrderRequest:
    return make_sniper_request(LAUNCH.token.mint, amount_in=amount, **more)  # type: ignore[arg-type]


def reach(engine: Driven, slot: int) -> None:
    """Let the market go on to a slot."""
    engine.advance(slot - engine.slot)


def test_an_order_buys_what_it_waited_for_soon_after_it_opened(engine: Driven) -> None:
    order_id = engine.place(for_mint())
    reach(engine, BEFORE)
    assert engine.statuses(order_id) == ["pending", "open"]

    engine.advance()

    order = engine.order(order_id)
    assert engine.statuses(order_id) == SNIPED
    assert order.request.token_out == LAUNCH.token.symbol
    assert order.slots_from_open in (1, 2)
    assert order.amount_filled == 100 * USDC
    [fill] = order.fills
    assert (fill.pool, fill.amount_out) == (LAUNCH.pool, order.amount_out)
    assert [event.slots_from_open for event in engine.history(order_id)][-1] == order.slots_from_open


def test_any_launch_is_the_next_that_pays_with_its_token_and_passes_its_filters(engine: Driven) -> None:
    launches = sorted((launch_at(1, slot) for slot in range(0, 3_000, 100)), key=lambda launch: launch.open_slot)
    passing = next(each for each in launches if each.quote == "SOL" and each.lp_burned and not each.mint_renounced)
    wanted = make_sniper_request(filters=LaunchFilters(lp_burned=True, mint_renounced=False))
    order_id = engine.place(msgspec.structs.replace(wanted, token_in="SOL", amount_in=10**9))

    reach(engine, passing.open_slot)

    assert engine.statuses(order_id) == SNIPED
    assert engine.order(order_id).request.token_out == passing.token.symbol


def test_a_launch_that_fails_a_filter_ends_who_waits_for_it(engine: Driven) -> None:
    required = not LAUNCH.lp_burned
    order_id = engine.place(for_mint(filters=LaunchFilters(lp_burned=required)))

    reach(engine, LAUNCH.open_slot)

    shown = {True: "true", False: "false"}
    order = engine.order(order_id)
    assert order.status is Status.FAILED
    assert order.reason == f"filter lp_burned: required {shown[required]}, pool has {shown[not required]}"


def test_one_that_is_cancelled_before_its_launch_buys_nothing(engine: Driven) -> None:
    order_id = engine.place(for_mint())
    reach(engine, BEFORE)

    taken = take_back(clients.orders(), order_id, Status.CANCELLED, clock.now_ms())
    engine.advance(3)

    assert (taken.is_requested, engine.statuses(order_id)) == (False, ["pending", "open", "cancelled"])


def test_one_that_is_cancelled_after_its_launch_has_fired_it_is_not_sent(engine: Driven) -> None:
    order_id = engine.place(for_mint())
    reach(engine, BEFORE)
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("snipe_order",))
    assert engine.order(order_id).status is Status.TRIGGERED

    take_back(clients.orders(), order_id, Status.CANCELLED, clock.now_ms())
    engine.advance(3)

    assert engine.statuses(order_id) == ["pending", "open", "triggered", "cancelled"]


def test_a_launch_that_comes_twice_is_bought_once(engine: Driven) -> None:
    order_id = engine.place(for_mint())
    reach(engine, LAUNCH.open_slot)
    tick = msgspec.structs.replace(engine.venue.prices(), launches=(LAUNCH,))

    for _ in range(2):
        engine.client.xadd(chain_key("ticks"), {"tick": msgspec.json.encode(tick)})
        engine.work()

    assert engine.statuses(order_id) == SNIPED


def test_one_that_comes_while_its_launch_opens_buys_it(engine: Driven) -> None:
    engine.place(make_sniper_request("a mint that never comes"))  # so that the market goes on
    reach(engine, BEFORE)
    order_id = engine.place(for_mint(), without=("open_order",))
    engine.venue.produce_blocks([], beat=True)
    engine.work()

    assert engine.statuses(order_id) == SNIPED


def test_what_moves_its_price_too_far_is_refused_and_tried_three_times(engine: Driven) -> None:
    # Each buys a good part of the pool: the first of them moves the price for all others beyond their slippage.
    order_ids = [engine.place(for_mint(LAUNCH.liquidity + number)) for number in range(6)]

    reach(engine, LAUNCH.open_slot + 10)

    orders = [engine.order(order_id) for order_id in order_ids]
    assert {order.status for order in orders} == {Status.CONFIRMED, Status.FAILED}
    assert {order.attempts for order in orders if order.status is Status.FAILED} == {2}
    assert all("Price moved" in (order.reason or "") for order in orders if order.status is Status.FAILED)


def test_exits_rest_with_prices_from_what_was_paid_and_sell_all_of_it(engine: Driven) -> None:
    exits = (Trigger("take_profit", 500, entry_bps=1_000), Trigger("stop_loss", 2_000, entry_bps=9_000))
    order_id = engine.place(for_mint(10 * USDC, exits=exits))
    reach(engine, LAUNCH.open_slot + 2)
    order = engine.order(order_id)
    assert order.child_id is not None

    engine.advance(20)  # the crowd drives it up

    child = engine.order(order.child_id)
    assert (child.status, child.fired and child.fired.rule) == (Status.CONFIRMED, "take_profit")
    assert child.amount_filled == order.amount_out
    assert (child.amount_out or 0) > 10 * USDC


def test_a_market_order_sells_what_was_bought_and_one_before_the_opening_is_refused(engine: Driven) -> None:
    early = engine.place(OrderRequest("USDC", LAUNCH.token.symbol, 10 * USDC, MARKET, 500, tokens=(LAUNCH.token,)))
    bought = engine.place(for_mint())
    reach(engine, LAUNCH.open_slot + 3)

    amount = engine.order(bought).amount_out or 0
    sold = engine.place(OrderRequest(LAUNCH.token.symbol, "SOL", amount, MARKET, 1_000, tokens=(LAUNCH.token,)))

    assert (engine.order(early).status, engine.order(early).reason) == (Status.FAILED, "pool is not open")
    assert engine.order(sold).status is Status.CONFIRMED


def test_a_crowd_of_snipers_pays_what_the_pool_asks_of_each_in_turn_to_the_atom(engine: Driven) -> None:
    order_ids = [engine.place(for_mint((5 + number) * USDC)) for number in range(60)]
    reach(engine, BEFORE)
    engine.venue.produce_blocks([], beat=True)
    pool = pool_of(engine)

    engine.work()

    orders = [engine.order(order_id) for order_id in order_ids]
    assert {order.status for order in orders} == {Status.CONFIRMED}
    assert {order.slots_from_open for order in orders} == {1, 2}
    for slot in (LAUNCH.open_slot + 1, LAUNCH.open_slot + 2):
        crowd = LaunchedPools(Calendar(1, 100), slot - 1, {pool.pool: pool})
        crowd.live(slot)
        landed = [order for order in orders if order.slots_from_open == slot - LAUNCH.open_slot]
        pool = after_swaps(crowd.pools[pool.pool], landed, slot)
    assert pool == pool_of(engine)


def pool_of(engine: Driven) -> Pool:
    """Return the launched pool as it is on the chain."""
    return engine.venue.chain.state()[1].launched[LAUNCH.pool]


def after_swaps(pool: Pool, orders: list[Order], slot: int) -> Pool:
    """Return a pool after the swaps of orders in some turn, each of which has received just what it pays then."""
    left = list(orders)
    while left:
        for order in left:
            result, after = swap(pool, LAUNCH.quote, order.amount_filled, chain_seconds(slot))
            if result.amount_out == order.amount_out:
                break
        else:
            raise AssertionError(f"none of {len(left)} orders has received what the pool pays next")
        left.remove(order)
        pool = after
    return pool
