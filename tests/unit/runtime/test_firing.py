"""Orders that rest at a tick: where one is found after it was amended."""

import pytest

from orderflow.adapters.books import Resting
from orderflow.domain.order import Order
from orderflow.domain.resting import Marks
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.runtime.firing import Firing
from tests.support.builders import NOW_MS, make_waiting_order
from tests.support.memory_venue import MemoryVenue


@pytest.mark.parametrize(("amended_at", "found_at"), [(223.0, [222.75]), (225.0, [])])
def test_a_trailing_stop_whose_watermark_rose_while_it_was_amended_is_found_by_the_higher_one(
    amended_at: float, found_at: list[float]
) -> None:
    order = make_waiting_order(order_type="trailing_stop")
    order = order.amend(order.request, amended_at, NOW_MS)

    rebooked = look_at(order, Marks(watermark=225.0))

    assert rebooked == [pytest.approx(price) for price in found_at]


def look_at(order: Order, marks: Marks) -> list[float]:
    """Return at which falling price an order is found from now on, if it is found elsewhere."""
    firing = Firing(MemoryVenue(), Tick(7, {"SOL>USDC": PairPrices(223.5, 224.0)}), NOW_MS)
    firing.look_at([Resting(order, marks)])
    assert firing.transitions == []
    return [change.place.books["fall:SOL>USDC"] for change in firing.rebooked]
