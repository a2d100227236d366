"""Which tokens of orders have closed: what a tick says of them, and what else the venue is asked."""

from collections.abc import Collection

import msgspec
import pytest

from orderflow.domain.order import Order
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.runtime.closing import find_closed, launched_names
from tests.support.builders import make_waiting_order
from tests.support.launches import MINT, LaunchVenue, launch_tick, make_launch, make_sniper, make_sniper_request

LAUNCH = make_launch(close_slot=100)
SYMBOL = LAUNCH.token.symbol


class Asked(LaunchVenue):
    """A venue after the close that notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(LAUNCH, slot=120)
        self.asked: list[set[str]] = []

    def closed(self, names: Collection[str]) -> set[str]:
        self.asked.append(set(names))
        return super().closed(names)


def on_the_token() -> Order:
    order = make_waiting_order()
    return msgspec.structs.replace(order, request=msgspec.structs.replace(order.request, tokens=(LAUNCH.token,)))


def test_an_order_names_the_tokens_without_which_it_can_not_be_executed() -> None:
    assert launched_names(on_the_token()) == [SYMBOL]
    assert launched_names(make_waiting_order()) == []
    assert launched_names(make_sniper(request=make_sniper_request(MINT))) == [MINT]
    assert launched_names(make_sniper()) == []


@pytest.mark.parametrize(
    "tick",
    [
        Tick(50, {f"{SYMBOL}>USDC": PairPrices(1.0, 1.0)}),
        Tick(50, {f"{SYMBOL}>SOL": PairPrices(1.0, 1.0)}),
        Tick(120, {}, closed=(LAUNCH,)),
    ],
    ids=["it has a price", "it has one with the other hub", "it says that it closed"],
)
def test_the_venue_is_not_asked_what_a_tick_says(tick: Tick) -> None:
    venue = Asked()

    closed = find_closed(venue, tick, [on_the_token(), make_waiting_order()])

    assert venue.asked == []
    assert (SYMBOL in closed) is bool(tick.closed)


def test_the_venue_is_asked_once_for_all_that_a_tick_does_not_say() -> None:
    venue = Asked()
    snipers = [make_sniper(request=make_sniper_request(mint)) for mint in (MINT, "another mint")]

    closed = find_closed(venue, Tick(120, {}), [on_the_token(), *snipers])

    assert venue.asked == [{SYMBOL, MINT, "another mint"}]
    assert closed == {SYMBOL, MINT}


def test_one_who_waits_for_a_launch_that_opens_in_the_tick_is_not_asked_for() -> None:
    venue = Asked()
    waits = [make_sniper(request=make_sniper_request(MINT))]

    assert find_closed(venue, launch_tick(LAUNCH), waits) == set()
    assert venue.asked == []
    # One that has closed in the very slots in which it opened has no price.
    assert find_closed(venue, Tick(120, {}, launches=(LAUNCH,)), waits) == {MINT}
