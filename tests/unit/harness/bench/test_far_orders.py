"""The orders that rest far from the market: of every type, over every pair, and really far."""

from collections import Counter

from orderflow.domain.order import Order
from orderflow.domain.resting import BEFORE_ANY_SLOT, Marks, immediate, place_of
from tests.harness.bench.far_orders import FAR, KINDS, far_orders
from tests.support.builders import NOW_MS, opening_tick

TICK = opening_tick()
ORDERS = list(far_orders(TICK, 2_000, 1, NOW_MS))
LEAST_FAR, _ = FAR


def books(order: Order) -> list[tuple[str, float]]:
    """Return the books that an order would rest in, each with its price by the present one."""
    place = place_of(order.open(0, NOW_MS), Marks(), BEFORE_ANY_SLOT)
    reference = TICK.prices[order.request.pair].reference
    return [(name.partition(":")[0], price / reference) for name, price in place.books.items()]


def test_there_are_as_many_of_each_type_as_is_said() -> None:
    counted = Counter(order.request.order_type for order in ORDERS)

    assert sum(share for _, share in KINDS) == 100
    for kind, share in KINDS:
        assert abs(counted[kind] / len(ORDERS) - share / 100) < 0.04
    assert {order.request.pair for order in ORDERS} == set(TICK.prices)


def test_no_price_is_near_enough_to_be_reached() -> None:
    for order in ORDERS:
        assert books(order)
        for rule, ratio in books(order):
            far = 1 / ratio if rule == "fall" else ratio
            assert far > LEAST_FAR - 0.01, order.request
        assert immediate(order, TICK.prices[order.request.pair].reference) is None


def test_every_other_one_expires_and_not_while_anything_is_measured() -> None:
    times = [order.request.expires_at_ms for order in ORDERS]

    assert times.count(None) == len(ORDERS) / 2
    assert min(at_ms for at_ms in times if at_ms is not None) > NOW_MS + 23 * 3600 * 1000


def test_the_same_seed_makes_the_same_orders() -> None:
    again = far_orders(TICK, 20, 1, NOW_MS)

    assert [order.request for order in again] == [order.request for order in ORDERS[:20]]
    assert len({order.order_id for order in ORDERS}) == len(ORDERS)
