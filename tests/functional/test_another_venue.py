"""The stages on another venue family: nothing of the mock market is needed from a route to a confirmed order."""

from functions.build_order import handler as build_order
from functions.confirm_order import handler as confirm_order
from functions.route_order import handler as route_order
from functions.submit_order import handler as submit_order
from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import RESULT_STREAM
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from tests.support.builders import make_order, make_request, nth_id, order_records
from tests.support.fakes.outside import Outside
from tests.support.memory_venue import VENUES, MemoryVenue

STAGES = {
    "route": route_order.lambda_handler,
    "build": build_order.lambda_handler,
    "submit": submit_order.lambda_handler,
    "confirm": confirm_order.lambda_handler,
}


def run(outside: Outside, orders: list[Order]) -> list[Order]:
    """Take orders through the stages; return them as they ended."""
    for stream, handler in STAGES.items():
        taken: list[Transition] = outside.orders.transitions
        taken.clear()
        assert handler(order_records(stream, *orders), None) == {"batchItemFailures": []}
        orders = [step.order for step in taken]
        assert {step.delay_ms for step in taken} <= {0}
    return orders


def test_an_order_is_executed_over_three_venues_at_once(outside: Outside) -> None:
    venue = outside.venue = MemoryVenue()

    [order] = run(outside, [make_order(request=make_request(amount="40"))])

    assert order.status is Status.CONFIRMED
    assert {leg.venue for leg in order.chosen_route.legs} == {fill.venue for fill in order.fills} == set(VENUES)
    assert order.chosen_route.venue == "+".join(VENUES)
    assert order.amount_out == venue.executions[order.signature].amount_out
    # The venue had the result when the order was submitted, so that is confirmed at once.
    assert [(stream, each.order_id, delay_ms) for stream, each, delay_ms in outside.orders.scheduled] == [
        (RESULT_STREAM, order.order_id, 0)
    ]


def test_orders_at_once_each_move_the_price_of_the_next(outside: Outside) -> None:
    outside.venue = MemoryVenue()
    request = make_request(amount="10", slippage_bps=5_000)

    orders = run(outside, [make_order(request=request, order_id=nth_id(number)) for number in range(5)])

    received = [order.amount_out or 0 for order in orders]
    assert [order.status for order in orders] == [Status.CONFIRMED] * 5
    assert received == sorted(set(received), reverse=True)
