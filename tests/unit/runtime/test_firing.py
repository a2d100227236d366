"""Orders that rest at a tick: where one is found after it was amended."""

import pytest

from orderflow.adapters.books import Rebooked, Resting
from orderflow.domain.order import Order
from orderflow.domain.resting import Marks
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.runtime.firing import Firing
from tests.support.builders import NOW_MS, make_waiting_order
from tests.support.memory_venue import MemoryVenue


@pytest.mark.parametrize("in_turn", [True, False])
@pytest.mark.parametrize(("amended_at", "found_at"), [(223.0, [222.75]), (225.0, [])])
def test_a_trailing_stop_whose_watermark_rose_while_it_was_amended_is_found_by_the_higher_one(
    amended_at: float, found_at: list[float], *, in_turn: bool
) -> None:
    order = make_waiting_order(order_type="trailing_stop")
    order = order.amend(order.request, amended_at, NOW_MS)

    rebooked = look_at(order, Marks(watermark=225.0, slot=6), in_turn=in_turn)

    assert [change.place.books["fall:SOL>USDC"] for change in rebooked] == [pytest.approx(price) for price in found_at]
    # That is nothing new of the market as it is: ticks of the slots before are still to come.
    assert {change.marks.slot for change in rebooked} <= {7 if in_turn else 6}


def look_at(order: Order, marks: Marks, *, in_turn: bool) -> list[Rebooked]:
    """Return where an order is found from now on, if it is found elsewhere."""
    firing = Firing(MemoryVenue(), Tick(7, {"SOL>USDC": PairPrices(223.5, 224.0)}), NOW_MS, in_turn=in_turn)
    firing.look_at([Resting(order, marks)])
    assert firing.transitions == []
    return firing.rebooked
