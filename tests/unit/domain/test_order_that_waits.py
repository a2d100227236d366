"""The steps of orders that wait: on every path an order is its steps, and each event says what its client needs."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from orderflow.adapters.codec import encoder, order_decoder
from orderflow.adapters.messages import merge
from orderflow.domain.attempts import refused
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.execution import Execution, apply_execution
from orderflow.domain.order import Fired, Order, OrderRequest, Signature, event_of, step_of
from orderflow.domain.slicing import put_off, settled
from orderflow.domain.status import Status
from tests.support.builders import (
    NOW_MS,
    OTHER_ID,
    WAITING_TYPES,
    make_order,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    route_for,
    with_slice,
)

Take = Callable[[Order], Order]
AT_MS = NOW_MS + 5

STOP_LIMIT = make_waiting_request(
    "stop_loss",
    triggers=(Trigger("stop_loss", 2_000, price=Price(Decimal(200)), limit=Limit(Price(Decimal(198)))),),
)
IN_PARTS = make_waiting_request("limit", allow_partial=True, expires_at_ms=NOW_MS + 60_000)


def open_(order: Order) -> Order:
    return order.open(7, AT_MS)


def fire(order: Order) -> Order:
    """Fire all that is left of an order."""
    rule = order.request.triggers[0].rule if order.request.triggers else "limit"
    return order.fire(Fired(9, rule, Decimal("219.5"), order.amount_remaining), AT_MS)


def fire_half(order: Order) -> Order:
    return order.fire(Fired(9, "limit", Decimal("219.5"), order.amount_remaining // 2), AT_MS)


def route(order: Order) -> Order:
    return order.choose_route(route_for(order.to_execute), AT_MS)


def build(order: Order) -> Order:
    return order.build((f"attempt {order.attempts}",), 150, AT_MS + 60_000, AT_MS)


def submit(order: Order) -> Order:
    return order.submit(Signature(f"0x{order.sequence}"), AT_MS)


def executed(order: Order) -> Order:
    legs = order.chosen_route.legs
    return apply_execution(order, Execution(order.signature, 11, sum(leg.amount_out for leg in legs), legs), AT_MS)


def refused_on_chain(order: Order) -> Order:
    return apply_execution(order, Execution(order.signature, 11, error="Blockhash not found"), AT_MS)


def ended_as(end: Status) -> Take:
    return lambda order: apply_execution(order, Execution(order.signature, 11, error="too late"), AT_MS, end)


def refused_by_a_stage(order: Order) -> Order:
    return refused(order, "no route", 12, AT_MS)


def amended(order: Order) -> Order:
    return order.amend(msgspec.structs.replace(order.request, expires_at_ms=NOW_MS + 90_000), None, AT_MS)


def begin_slice(order: Order) -> Order:
    return with_slice(order, AT_MS)


def end_slice(order: Order) -> Order:
    return settled(order, make_slice(without_slice(order)), AT_MS)


def refuse_slice(order: Order) -> Order:
    return settled(order, make_slice(without_slice(order), Status.FAILED), AT_MS)


def without_slice(order: Order) -> Order:
    """Return an order as it was before the slice that is under way."""
    assert order.progress is not None
    return msgspec.structs.replace(
        order, progress=msgspec.structs.replace(order.progress, begun=order.progress.begun - 1)
    )


def put_off_slice(order: Order) -> Order:
    return order.go_on(put_off(order), AT_MS)


def cancel(order: Order) -> Order:
    return order.cancel(AT_MS)


def expire(order: Order) -> Order:
    return order.expire(AT_MS)


def fail(order: Order) -> Order:
    return order.fail("would trigger immediately: reference 219.66 is at or below 221", AT_MS)


EXECUTED = (route, build, submit)
PATHS: dict[str, tuple[OrderRequest, tuple[Take, ...]]] = {
    "at once": (make_waiting_request("limit"), (open_, fire, *EXECUTED, executed)),
    "a stop": (make_waiting_request("stop_loss"), (open_, fire, *EXECUTED, executed)),
    "refused before it rests": (make_waiting_request("stop_loss"), (fail,)),
    "cancelled before it rests": (make_waiting_request("limit"), (cancel,)),
    "expired while it rests": (IN_PARTS, (open_, expire)),
    "cancelled while it rests": (IN_PARTS, (open_, cancel)),
    "amended": (IN_PARTS, (open_, amended, amended, fire, *EXECUTED, executed)),
    "a limit that is refused twice": (
        make_waiting_request("limit"),
        (open_, fire, *EXECUTED, refused_on_chain, fire, route, refused_by_a_stage, fire, *EXECUTED, executed),
    ),
    "a limit that is refused, then amended": (
        make_waiting_request("limit"),
        (open_, fire, *EXECUTED, refused_on_chain, amended, fire, *EXECUTED, executed),
    ),
    "a stop that is refused twice": (
        make_waiting_request("stop_loss"),
        (open_, fire, *EXECUTED, refused_on_chain, route, refused_by_a_stage, *EXECUTED, executed),
    ),
    "a stop with a limit that is refused": (
        STOP_LIMIT,
        (open_, fire, *EXECUTED, refused_on_chain, fire, *EXECUTED, executed),
    ),
    "in parts": (
        IN_PARTS,
        (open_, fire_half, *EXECUTED, executed, fire_half, *EXECUTED, executed, fire, *EXECUTED, executed),
    ),
    "in parts, one of them refused": (
        IN_PARTS,
        (
            open_,
            fire_half,
            *EXECUTED,
            executed,
            fire_half,
            *EXECUTED,
            refused_on_chain,
            amended,
            fire,
            *EXECUTED,
            executed,
        ),
    ),
    "a part, then cancelled": (IN_PARTS, (open_, fire_half, *EXECUTED, executed, cancel)),
    "cancelled on its way": (IN_PARTS, (open_, fire, route, cancel)),
    "expired on its way": (IN_PARTS, (open_, fire, *EXECUTED[:2], expire)),
    "a cancel that was requested": (IN_PARTS, (open_, fire, *EXECUTED, ended_as(Status.CANCELLED))),
    "an expiry that was requested": (IN_PARTS, (open_, fire, *EXECUTED, ended_as(Status.EXPIRED))),
    "in slices": (
        make_waiting_request("twap"),
        (open_, begin_slice, end_slice, begin_slice, put_off_slice, refuse_slice, *[begin_slice, end_slice] * 2),
    ),
    "in slices of which the last is refused": (
        make_waiting_request("twap"),
        (open_, *[begin_slice, end_slice] * 3, begin_slice, refuse_slice),
    ),
    "in slices, cancelled": (make_waiting_request("twap"), (open_, begin_slice, end_slice, cancel)),
}


def along(name: str) -> list[Order]:
    """Return an order after each of its steps on a path."""
    request, path = PATHS[name]
    orders = [make_waiting_order(Status.PENDING, request=request)]
    for take in path:
        orders.append(take(orders[-1]))
    return orders


def event(order: Order) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encoder.encode(event_of(order)), parse_float=Decimal)
    return document


def more(order: Order) -> dict[str, Any]:
    """Return what an order's event says beyond what all do."""
    always = ("order_id", "status", "execution_price", "tx_hash", "reason", "sequence", "timestamp")
    return {name: value for name, value in event(order).items() if name not in always}


@pytest.mark.parametrize("name", PATHS)
def test_an_order_is_its_steps(name: str) -> None:
    orders = along(name)

    for number, order in enumerate(orders, start=1):
        steps = [encoder.encode(step_of(each)).decode() for each in orders[:number]]
        assert order_decoder.decode(merge(steps)) == order
    assert [order.sequence for order in orders] == [*range(1, len(orders) + 1)]


@pytest.mark.parametrize("name", PATHS)
def test_a_step_and_the_order_after_it_give_the_same_event(name: str) -> None:
    assert [event_of(step_of(order)) for order in along(name)] == [event_of(order) for order in along(name)]


@pytest.mark.parametrize("name", PATHS)
def test_no_path_ends_with_more_executed_than_was_asked_for_and_the_fills_are_all_of_it(name: str) -> None:
    *before, order = orders = along(name)

    assert order.has_ended
    assert not any(each.has_ended for each in before)
    assert (order.amount_filled == order.request.amount_in) == (order.status is Status.CONFIRMED)
    if order.request.schedule is None:
        legs = [
            leg for each in orders if each.status in (Status.PARTIALLY_FILLED, Status.CONFIRMED) for leg in each.fills
        ]
        assert sum(leg.amount_in for leg in legs if leg.token_in == "SOL") == order.amount_filled
        assert sum(leg.amount_out for leg in legs if leg.token_out == "USDC") == (order.amount_out or 0)


@pytest.mark.parametrize("order_type", WAITING_TYPES)
def test_an_order_of_every_type_comes_back_the_same(order_type: str) -> None:
    order = make_waiting_order(Status.OPEN, order_type)  # type: ignore[arg-type]

    assert order_decoder.decode(encoder.encode(order)) == order


def test_an_order_that_rests_says_the_least_that_it_yields_and_when_it_expires() -> None:
    assert more(make_waiting_order(Status.OPEN, request=IN_PARTS)) == {
        "minimum_out": 2_737_500_000,
        "expires_at": "2026-11-22T18:15:01.123Z",
    }
    assert more(make_waiting_order(Status.OPEN, "stop_loss")) == {"minimum_out": None, "expires_at": None}


def test_one_that_was_fired_says_by_which_rule_and_price_in_which_slot() -> None:
    fired = along("a stop")[2]

    assert more(fired) == {"slot": 9, "rule": "stop_loss", "price": Decimal("219.5")}


def test_one_that_rests_again_says_why_with_the_signature_of_the_attempt() -> None:
    orders = along("a limit that is refused twice")
    reopened = [order for order in orders[2:] if order.status is Status.OPEN]

    assert [(order.reason, event(order)["tx_hash"]) for order in reopened] == [
        ("attempt 1: Blockhash not found; next attempt from slot 12", "0x5"),
        ("attempt 2: no route; next attempt from slot 14", None),
    ]
    # What an attempt left is gone with the next one.
    after = orders[orders.index(reopened[0]) + 1]
    assert (after.reason, after.tx_hash, after.attempts) == (None, None, 1)


def test_a_part_says_how_much_is_executed_so_far_and_the_price_of_all_of_it() -> None:
    parts = [order for order in along("in parts") if order.status is Status.PARTIALLY_FILLED]

    assert [more(part)["amount_filled"] for part in parts] == [6_250_000_000, 9_375_000_000]
    assert [more(part)["amount_out"] for part in parts] == [part.amount_out for part in parts]
    for part in parts:
        assert part.execution_price is not None
        received = Fraction(part.amount_out or 0, 10**6) / Fraction(part.amount_filled, 10**9)
        assert abs(Fraction(part.execution_price) - received) < Fraction(1, 10**8)
    assert [part.rests and part.rests.minimum_out for part in parts] == [1_368_750_000, 684_375_000]


@pytest.mark.parametrize("name", PATHS)
def test_an_end_says_how_much_is_executed(name: str) -> None:
    order = along(name)[-1]

    assert more(order) == {"amount_filled": order.amount_filled, "amount_out": order.amount_out or 0} | (
        {"child_id": order.child_id} if order.status is Status.CONFIRMED and order.child_id else {}
    )


def test_a_market_order_that_is_cancelled_says_that_nothing_is_executed() -> None:
    assert more(make_order(Status.ROUTING).cancel(NOW_MS)) == {"amount_filled": 0, "amount_out": 0}


def test_steps_that_make_an_order_name_it() -> None:
    begun = along("in slices")[2]
    exits = (Trigger("stop_loss", 2_000, price=Price(Decimal(200))),)
    sent = make_waiting_order(Status.SUBMITTED, request=make_waiting_request("limit", exits=exits))

    confirmed = sent.confirm(sent.chosen_route.legs, 1, NOW_MS, nth_id(9))

    assert more(begun)["child_id"] == nth_id(1)
    assert more(confirmed)["child_id"] == nth_id(9)


def test_a_transaction_is_not_valid_any_more_when_its_order_expires() -> None:
    request = make_waiting_request("limit", expires_at_ms=NOW_MS + 30_000)

    built = make_waiting_order(Status.ROUTING, request=request).build((), 150, NOW_MS + 60_000, NOW_MS)
    sooner = make_waiting_order(Status.ROUTING, request=request).build((), 150, NOW_MS + 10_000, NOW_MS)

    assert built.built_transaction.expires_at_ms == NOW_MS + 30_000 - 1
    assert sooner.built_transaction.expires_at_ms == NOW_MS + 10_000


def test_a_limit_is_the_minimum_of_its_transaction_and_a_stop_has_its_slippage() -> None:
    limit, stop = (make_waiting_order(Status.BUILDING, order_type) for order_type in ("limit", "stop_loss"))
    stop_limit = make_waiting_order(Status.BUILDING, request=STOP_LIMIT)

    assert limit.built_transaction.minimum_out == 2_737_500_000
    expected = stop.chosen_route.expected_out
    assert stop.built_transaction.minimum_out == expected - expected * 2_000 // 10_000
    assert stop_limit.built_transaction.minimum_out == 198 * 12_500_000


def test_what_is_executed_is_a_market_order_over_what_was_fired() -> None:
    order = fire_half(make_waiting_order(Status.OPEN, request=IN_PARTS))

    assert order.to_execute == OrderRequest("SOL", "USDC", 6_250_000_000, "market", 500)
    assert make_order(Status.PENDING).to_execute == make_order(Status.PENDING).request


def test_the_leg_that_was_met_says_how_much_slippage_it_allows() -> None:
    order = make_waiting_order(Status.OPEN, "oco")

    stopped = order.fire(Fired(9, "stop_loss", Decimal(199), order.amount_remaining), NOW_MS)

    assert (order.slippage_bps, stopped.slippage_bps) == (500, 2_000)


def test_the_parent_of_a_slice_stays_with_it() -> None:
    slice_ = make_slice(make_waiting_order(Status.OPEN, "twap"), Status.PENDING)
    steps = [encoder.encode(step_of(each)).decode() for each in (slice_, route(slice_))]

    again = order_decoder.decode(merge(steps))

    assert (again.parent_id, again.slice) == (make_waiting_order().order_id, 1)
    assert again.order_id != OTHER_ID
