"""All stages in turn, order after order: the same seed and the same orders get the same fills at any speed."""

from typing import cast

import pytest

from orderflow.domain.order import Order
from orderflow.domain.pools import Dlmm
from orderflow.domain.status import Status
from orderflow.venues.mock.latency import Latency
from tests.support.builders import NOW_MS, make_request, market
from tests.support.fakes.chain import FakeChain
from tests.support.fakes.outside import Outside
from tests.support.golden_run import GOLDEN, golden_run, read_golden
from tests.support.whole_course import execute

REQUESTS = [
    make_request("SOL", "USDC", "12.5"),
    make_request("USDC", "SOL", "250.75"),
    make_request("SOL", "USDC", "12.5"),  # the same again: a later slot, another draw
    make_request("JUP", "WIF", "4000"),
    make_request("SOL", "USDC", "2500"),
    make_request("BONK", "JitoSOL", "90000000", slippage_bps=100),
    make_request("USDC", "SOL", "500", slippage_bps=100),
    make_request("USDT", "PYTH", "1234.567891"),
] * 4


def run(outside: Outside, *, seed: int = 1, speed: float, began_ms: int = NOW_MS, sol: float = 1.0) -> list[Order]:
    """Execute the requests on a market whose fair price of SOL is `sol` times the one that its pools opened at."""
    outside.chain, outside.now_ms = FakeChain(), began_ms
    outside.chain.latest.fair["SOL"] *= sol
    outside.chain.seed = seed
    outside.latency = Latency(seed, speed)
    return [execute(outside, request) for request in REQUESTS]


def outcome(order: Order) -> tuple[object, ...]:
    """Return what an order came to: everything but its id, its signature and its times."""
    return order.status, order.route, order.fills, order.amount_out, order.execution_price, order.reason


@pytest.mark.parametrize("speed", [0.5, 1, 2])
def test_the_same_orders_one_after_another_get_the_same_fills_at_any_speed(outside: Outside, speed: float) -> None:
    at_once = run(outside, speed=0)
    chain = outside.chain.latest

    in_time = run(outside, speed=speed, began_ms=NOW_MS + 123_457)

    assert [outcome(order) for order in in_time] == [outcome(order) for order in at_once]
    assert outside.chain.latest == chain
    assert {order.order_id for order in in_time}.isdisjoint({order.order_id for order in at_once})
    assert [order.status for order in at_once].count(Status.CONFIRMED) >= len(REQUESTS) - 1
    assert chain.slot > 2 * len(REQUESTS)


@pytest.mark.parametrize("speed", [0.5, 2])
def test_providers_lay_out_their_liquidity_anew_alike_at_any_speed(outside: Outside, speed: float) -> None:
    at_once = run(outside, speed=0, sol=1.03)
    chain = outside.chain.latest

    in_time = run(outside, speed=speed, began_ms=NOW_MS + 123_457, sol=1.03)

    assert [outcome(order) for order in in_time] == [outcome(order) for order in at_once]
    assert outside.chain.latest == chain
    lowest = {address: pool.lowest_id for address, pool in market().items() if isinstance(pool, Dlmm)}
    assert sum(cast("Dlmm", chain.pools[address]).lowest_id != before for address, before in lowest.items()) > 3
    assert all(order.status is Status.CONFIRMED for order in at_once[1:])


def test_at_speed_one_an_order_takes_two_to_three_seconds_and_at_speed_zero_none(outside: Outside) -> None:
    run(outside, speed=0)
    at_once_ms = outside.now_ms - NOW_MS
    run(outside, speed=1)
    in_time_ms = outside.now_ms - NOW_MS

    assert at_once_ms == 0
    assert 2_000 < in_time_ms / len(REQUESTS) < 3_000


def test_another_seed_is_another_market(outside: Outside) -> None:
    one, other = run(outside, seed=1, speed=0), run(outside, seed=2, speed=0)

    assert [outcome(order) for order in one] != [outcome(order) for order in other]


def test_market_orders_get_the_fills_that_were_recorded_atom_for_atom(outside: Outside) -> None:
    recorded = read_golden()

    ran = golden_run(outside)

    assert ran.orders == recorded.orders
    assert ran == recorded, f"after these orders the market is another one than in {GOLDEN.name}"
