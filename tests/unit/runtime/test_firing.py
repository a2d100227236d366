"""Orders that rest at a tick: where one is found after it was amended."""

import pytest

from orderflow.adapters.books import Rebooked, Resting
from orderflow.domain.order import Order
from orderflow.domain.resting import Marks
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.runtime.firing import Firing
from tests.support.builders import NOW_MS, make_waiting_order
from tests.support.memory_venue import MemoryVenue


@pytest.mark.parametrize(("in_turn", "found_at"), [(True, [222.75]), (False, [])])
def test_a_trailing_stop_whose_watermark_rose_while_it_was_amended_is_found_by_the_higher_one_from_a_tick_on(
    found_at: list[float], *, in_turn: bool
) -> None:
    order = make_waiting_order(order_type="trailing_stop")
    order = order.amend(order.request, 223.0, NOW_MS)

    # That it rose is noted so: it is to be looked at by any tick. The market as it is comes before ticks that are left.
    rebooked = look_at(order, Marks(watermark=225.0, look_slot=0, slot=6), in_turn=in_turn)

    assert [change.place.books["fall:SOL>USDC"] for change in rebooked] == [pytest.approx(price) for price in found_at]
    assert {change.marks.slot for change in rebooked} <= {7}


@pytest.mark.parametrize("in_turn", [True, False])
def test_one_that_is_found_where_its_watermark_has_it_stays_there(*, in_turn: bool) -> None:
    order = make_waiting_order(order_type="trailing_stop")

    assert look_at(order, Marks(watermark=225.0, slot=6), in_turn=in_turn) == []


def look_at(order: Order, marks: Marks, *, in_turn: bool) -> list[Rebooked]:
    """Return where an order is found from now on, if it is found elsewhere."""
    firing = Firing(MemoryVenue(), Tick(7, {"SOL>USDC": PairPrices(223.5, 224.0)}), NOW_MS, in_turn=in_turn)
    firing.look_at([Resting(order, marks)])
    assert firing.transitions == []
    return firing.rebooked
