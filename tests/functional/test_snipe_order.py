"""snipe_order: what a launch has fired goes to the venue in one go; and how an order comes to be fired by one."""

from collections.abc import Sequence

import msgspec
import pytest

from functions.confirm_order.handler import lambda_handler as confirm_orders
from functions.open_order.handler import lambda_handler as open_orders
from functions.snipe_order.handler import lambda_handler
from functions.trigger_orders.handler import lambda_handler as trigger_orders
from orderflow.adapters.books import Resting
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Trigger
from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch, LaunchFilters
from orderflow.domain.order import Order, OrderRequest, event_of
from orderflow.domain.status import Status
from tests.support.builders import NOW_MS, OTHER_ID, nth_id, order_records, read_event, tick_records
from tests.support.fakes.outside import Outside
from tests.support.launches import (
    MINT,
    OPEN_SLOT,
    LaunchVenue,
    launch_tick,
    make_launch,
    make_sniper,
    make_sniper_request,
)


@pytest.fixture
def venue(outside: Outside) -> LaunchVenue:
    """Return a venue with one launch, as the functions find it."""
    venue = LaunchVenue(make_launch())
    outside.venue = venue
    return venue


def stepped(outside: Outside) -> list[Order]:
    return [transition.order for transition in outside.orders.transitions]


def rests(outside: Outside, request: OrderRequest, number: int = 1, slot: int = 0) -> Order:
    """Have an order rest since a slot."""
    order = make_sniper(Status.OPEN, request, order_id=nth_id(number), slot=slot)
    outside.books.resting[order.order_id] = Resting(order)
    return order


def test_an_order_takes_three_steps_at_once_and_is_sent(outside: Outside, venue: LaunchVenue) -> None:
    response = lambda_handler(read_event("snipe_order"), None)

    assert response == {"batchItemFailures": []}
    assert [transition.next_stream for transition in outside.orders.transitions] == [None, None]
    for transition in outside.orders.transitions:
        steps = [*transition.through, transition.order]
        assert [step.status for step in steps] == ["routing", "building", "submitted"]
        assert [step.sequence for step in steps] == [4, 5, 6]
        [leg] = transition.order.chosen_route.legs
        assert (leg.token_in, leg.token_out, leg.pool) == ("USDC", "MOON0", "raydium_cpmm:MOON0-USDC")
        # 25 % less than the 80,000 MOON0 that the pool would pay.
        assert transition.order.built_transaction.minimum_out == 60_000_000_000
    assert venue.executions.keys() == {order.signature for order in stepped(outside)}


def test_an_order_that_was_taken_on_before_is_sent_again_and_takes_no_step(
    outside: Outside, venue: LaunchVenue
) -> None:
    lambda_handler(read_event("snipe_order"), None)
    sent = dict(venue.executions)
    venue.executions.clear()  # the process died before it could send

    lambda_handler(read_event("snipe_order"), None)

    assert len(outside.orders.transitions) == 2
    assert venue.executions.keys() == sent.keys()


def test_an_order_that_was_taken_on_before_is_sent_also_where_its_pool_refuses_it_by_now(
    outside: Outside, venue: LaunchVenue
) -> None:
    lambda_handler(read_event("snipe_order"), None)
    sent = dict(venue.executions)
    venue.executions.clear()  # the process died before it could send
    venue.shut.add(make_launch().pool)

    lambda_handler(read_event("snipe_order"), None)

    assert venue.executions.keys() == sent.keys()
    assert [order.status for order in stepped(outside)[:2]] == [Status.SUBMITTED] * 2


def test_a_late_copy_of_a_message_takes_nothing_from_the_next_message_in_its_batch(
    outside: Outside, venue: LaunchVenue
) -> None:
    late = make_sniper(Status.TRIGGERED)
    latest = msgspec.structs.replace(late, sequence=late.sequence + 4)

    response = lambda_handler(order_records("snipe", latest, late), None)

    assert response == {"batchItemFailures": []}
    [order] = stepped(outside)
    assert (order.status, order.sequence) == (Status.SUBMITTED, latest.sequence + 3)


def test_an_order_that_was_cancelled_meanwhile_is_not_sent(outside: Outside, venue: LaunchVenue) -> None:
    order = make_sniper(Status.TRIGGERED)
    outside.orders.apply([Transition(order.cancel(NOW_MS))])

    lambda_handler(order_records("snipe", order), None)

    assert [order.status for order in stepped(outside)] == [Status.CANCELLED]
    assert venue.executions == {}


def test_one_whose_pool_is_shut_goes_again_three_times_beside_others(outside: Outside, venue: LaunchVenue) -> None:
    venue.shut.add(make_launch().pool)
    good = make_sniper(Status.TRIGGERED, launch=make_launch("SUN20"), order_id=OTHER_ID)

    lambda_handler(order_records("snipe", make_sniper(Status.TRIGGERED), good), None)
    again, sent = sorted(outside.orders.transitions, key=lambda transition: len(transition.through))
    lambda_handler(order_records("snipe", again.order), None)
    lambda_handler(order_records("snipe", outside.orders.transitions[-1].order), None)

    assert (again.order.status, again.next_stream) == (Status.TRIGGERED, "snipe")
    assert again.order.reason == "attempt 1: pool is not open"
    assert sent.order.status is Status.SUBMITTED
    assert [(order.status, order.reason) for order in stepped(outside)[-2:]] == [
        (Status.TRIGGERED, "attempt 2: pool is not open"),
        (Status.FAILED, "pool is not open"),
    ]


def test_the_confirmed_order_says_how_many_slots_it_was_late(outside: Outside, venue: LaunchVenue) -> None:
    lambda_handler(order_records("snipe", make_sniper(Status.TRIGGERED)), None)
    [order] = stepped(outside)
    fills = order.chosen_route.legs
    venue.executions[order.signature] = Execution(order.signature, OPEN_SLOT + 2, fills[0].amount_out, fills)

    confirm_orders(order_records("confirm", order), None)

    confirmed = stepped(outside)[-1]
    assert (confirmed.status, confirmed.slots_from_open, confirmed.amount_filled) == (Status.CONFIRMED, 2, 100_000_000)
    assert event_of(confirmed).slots_from_open == 2
    assert confirmed.execution_price == 800


def test_its_exits_are_made_in_the_step_that_confirms_it(outside: Outside, venue: LaunchVenue) -> None:
    exits = (Trigger("take_profit", 500, entry_bps=10_000), Trigger("stop_loss", 2_000, entry_bps=5_000))
    lambda_handler(order_records("snipe", make_sniper(Status.TRIGGERED, make_sniper_request(exits=exits))), None)
    [order] = stepped(outside)
    fills = order.chosen_route.legs
    venue.executions[order.signature] = Execution(order.signature, OPEN_SLOT + 1, fills[0].amount_out, fills)

    confirm_orders(order_records("confirm", order), None)

    child = outside.orders.transitions[-1].child
    assert child is not None
    assert (child.request.order_type, child.request.pair) == ("oco", "MOON0>USDC")
    assert child.request.tokens == (make_launch().token,)
    assert [float(trigger.price.exact) for trigger in child.request.triggers if trigger.price] == [0.0025, 0.000625]


def fire(outside: Outside, *launches: Launch) -> dict[str, Order]:
    """Have a tick say that launches have opened; return the steps that orders took, by their ids."""
    assert trigger_orders(tick_records(launch_tick(*launches)), None) == {"batchItemFailures": []}
    return {order.order_id: order for order in stepped(outside)}


def test_a_launch_fires_who_waits_for_it_and_says_what_is_bought(outside: Outside) -> None:
    for_mint, for_any = (rests(outside, make_sniper_request(mint), n) for n, mint in enumerate((MINT, None), 1))
    rests(outside, make_sniper_request("another mint"), 3)

    fired = fire(outside, make_launch())

    assert fired.keys() == {for_mint.order_id, for_any.order_id}
    for order in fired.values():
        assert order.status is Status.TRIGGERED
        assert (order.request.token_out, order.request.buys) == ("MOON0", make_launch().token)
        assert order.fired is not None
        assert (order.fired.rule, order.fired.slot, order.fired.launch) == ("launch", OPEN_SLOT, make_launch())
    assert {transition.next_stream for transition in outside.orders.transitions} == {"snipe"}


def test_a_tick_that_comes_again_fires_nobody_twice_nor_who_has_come_meanwhile(outside: Outside) -> None:
    first, at_mint = rests(outside, make_sniper_request()), rests(outside, make_sniper_request(MINT), 2)
    assert fire(outside, make_launch()).keys() == {first.order_id, at_mint.order_id}

    rests(outside, make_sniper_request(), 3, slot=OPEN_SLOT)
    fire(outside, make_launch())

    assert [order.order_id for order in stepped(outside)] == [first.order_id, at_mint.order_id]


def test_one_that_waits_for_any_takes_the_first_that_passes_and_rests_on_otherwise(outside: Outside) -> None:
    order = rests(outside, make_sniper_request(filters=LaunchFilters(lp_burned=True)))

    assert fire(outside, make_launch()) == {}
    passes = make_launch("SUN20", lp_burned=True)
    fired = fire(outside, make_launch(), passes, make_launch("STAR40", lp_burned=True))

    assert fired[order.order_id].request.token_out == "SUN20"


@pytest.mark.parametrize(
    ("filters", "quote", "reason"),
    [
        (LaunchFilters(lp_burned=True), "USDC", "filter lp_burned: required true, pool has false"),
        (None, "SOL", "the pool of MOON0 takes SOL, not USDC"),
    ],
)
def test_one_that_waits_for_a_mint_fails_if_its_launch_is_not_what_it_buys(
    outside: Outside, filters: LaunchFilters | None, quote: str, reason: str
) -> None:
    order = rests(outside, make_sniper_request(MINT, filters))

    stepped = fire(outside, make_launch(quote=quote))

    assert (stepped[order.order_id].status, stepped[order.order_id].reason) == (Status.FAILED, reason)


def test_a_launch_that_opened_before_an_order_rested_is_not_any(outside: Outside) -> None:
    rests(outside, make_sniper_request(), slot=OPEN_SLOT)

    assert fire(outside, make_launch()) == {}


def look_at(outside: Outside, orders: Sequence[Order]) -> list[Order]:
    """Have orders that rest looked at as the market is, as each is once it rests."""
    assert open_orders(order_records("open", *orders), None) == {"batchItemFailures": []}
    return stepped(outside)


@pytest.mark.parametrize(("since", "is_fired"), [(OPEN_SLOT - 1, True), (OPEN_SLOT, False)])
def test_a_launch_that_opened_while_an_order_came_to_rest_fires_it(
    outside: Outside, venue: LaunchVenue, since: int, *, is_fired: bool
) -> None:
    venue.at_slot = OPEN_SLOT + 1

    fired = look_at(outside, [rests(outside, make_sniper_request(), slot=since)])

    assert [order.status for order in fired] == [Status.TRIGGERED] * is_fired


def test_one_that_waits_for_a_mint_is_fired_also_where_it_opened_while_the_order_was_on_its_way(
    outside: Outside, venue: LaunchVenue
) -> None:
    venue.at_slot = OPEN_SLOT + 9

    [fired] = look_at(outside, [rests(outside, make_sniper_request(MINT), slot=OPEN_SLOT + 8)])

    assert fired.status is Status.TRIGGERED


def test_one_that_comes_to_rest_before_its_launch_rests(outside: Outside, venue: LaunchVenue) -> None:
    venue.at_slot = OPEN_SLOT - 1

    look_at(outside, [make_sniper(Status.PENDING), rests(outside, make_sniper_request(MINT))])

    assert [order.status for order in stepped(outside)] == [Status.OPEN]
