"""An order's steps, and the event of each."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.codec import encoder, order_decoder
from orderflow.adapters.messages import merge
from orderflow.domain.instructions import instructions_for
from orderflow.domain.lifecycle import COURSE, followers
from orderflow.domain.order import Fired, Order, OrderId, Signature, event_of, iso_timestamp, step_of
from orderflow.domain.status import Status
from orderflow.errors import IllegalTransitionError
from orderflow.venues.mock.universe import VENUES
from tests.support.builders import NOW_MS, ORDER_ID, make_order, make_request, order_at

ALWAYS = ["order_id", "status", "execution_price", "tx_hash", "reason"]
"""The keys that every status frame begins with."""

OF_A_MARKET_ORDER = (*COURSE, Status.FAILED)

times = st.integers(0, 4_102_444_800_000)


def step(order: Order, status: Status, now_ms: int = NOW_MS) -> Order:
    """Ask an order to take the step to `status`, whether it may or not."""
    ended = make_order(Status.CONFIRMED)
    match status:
        case Status.ROUTING:
            return order.choose_route(ended.chosen_route, now_ms)
        case Status.BUILDING:
            routed = msgspec.structs.replace(order, route=ended.route)
            return routed.build(("meteora_dlmm.swap",), 150, now_ms, now_ms)
        case Status.SUBMITTED:
            return order.submit(Signature("0x00"), now_ms)
        case Status.CONFIRMED if order.request.waits:
            return order.fill(order.amount_remaining, ended.fills, 1, now_ms)
        case Status.CONFIRMED:
            return order.confirm(ended.fills, ended.amount_out or 0, now_ms)
        case Status.FAILED:
            return order.fail("no more", now_ms)
        case Status.OPEN:
            return order.open(7, now_ms)
        case Status.TRIGGERED:
            return order.fire(Fired(7, "limit", Decimal(220), 1), now_ms)
        case Status.PARTIALLY_FILLED:
            return order.fill(1, ended.fills, 1, now_ms)
        case Status.CANCELLED:
            return order.cancel(now_ms)
        case Status.EXPIRED:
            return order.expire(now_ms)
    raise ValueError(f"no step leads to {status}")


def event_document(order: Order) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encoder.encode(event_of(order)), parse_float=Decimal)
    return document


def test_an_accepted_order_is_pending_at_sequence_one() -> None:
    request = make_request()

    order = Order.accept(OrderId(ORDER_ID), request, NOW_MS)

    assert order == Order(OrderId(ORDER_ID), 1, Status.PENDING, NOW_MS, NOW_MS, request)


@pytest.mark.parametrize("end", [Status.CONFIRMED, Status.FAILED])
def test_an_order_is_its_steps(end: Status) -> None:
    last = COURSE.index(Status.CONFIRMED) if end is Status.CONFIRMED else COURSE.index(Status.SUBMITTED) + 1
    orders = [named(make_order(status)) for status in [*COURSE[:last], end]]

    for number, order in enumerate(orders, start=1):
        steps = [encoder.encode(step_of(each)).decode() for each in orders[:number]]
        assert order_decoder.decode(merge(steps)) == order


@pytest.mark.parametrize("status", list(Status))
def test_a_step_and_the_order_after_it_give_the_same_event(status: Status) -> None:
    order = order_at(status)

    assert event_of(step_of(order)) == event_of(order)


def test_a_step_says_only_what_it_changed() -> None:
    written = [json.loads(encoder.encode(step_of(make_order(status)))).keys() for status in COURSE]

    assert len(COURSE) == 5
    common = {"order_id", "sequence", "status", "updated_at_ms"}
    assert [keys - common for keys in written] == [
        {"created_at_ms", "request"},
        {"route"},
        {"transaction"},
        {"tx_hash"},
        {"tx_hash", "fills", "amount_out", "execution_price"},
    ]


def named(order: Order) -> Order:
    return msgspec.structs.replace(order, client_order_id="desk-7.42")


def test_the_clients_name_for_an_order_stays_with_it() -> None:
    order = Order.accept(OrderId(ORDER_ID), make_request(), NOW_MS, "desk-7.42")

    assert order.client_order_id == "desk-7.42"
    assert order.fail("no route", NOW_MS).client_order_id == "desk-7.42"


def test_choosing_a_route_keeps_it() -> None:
    pending = make_order(Status.PENDING)
    route = make_order(Status.ROUTING).chosen_route

    order = pending.choose_route(route, NOW_MS + 7)

    assert order == msgspec.structs.replace(
        pending, sequence=2, status=Status.ROUTING, updated_at_ms=NOW_MS + 7, route=route
    )


def test_building_fixes_the_minimum_out_and_the_expiry() -> None:
    routing = make_order(Status.ROUTING)

    order = routing.build(instructions_for(routing.chosen_route), 157, NOW_MS + 60_000, NOW_MS + 7)

    assert (order.sequence, order.status, order.updated_at_ms) == (3, Status.BUILDING, NOW_MS + 7)
    assert order.route == routing.route
    assert order.built_transaction.instructions == ("system.transfer", "token.sync_native", "meteora_dlmm.swap")
    assert order.built_transaction.last_valid_slot == 157
    assert order.built_transaction.expires_at_ms == NOW_MS + 60_000
    # 5 % less than the quote of 2,746,933,337 atoms of USDC.
    assert routing.chosen_route.expected_out == 2_746_933_337
    assert order.built_transaction.minimum_out == 2_609_586_671


def test_submitting_keeps_the_signature() -> None:
    order = make_order(COURSE[COURSE.index(Status.SUBMITTED) - 1]).submit(Signature("0xabc"), NOW_MS)

    assert (order.status, order.tx_hash, order.signature) == (Status.SUBMITTED, "0xabc", "0xabc")


def test_confirming_keeps_the_fills_and_the_price_that_they_come_to() -> None:
    submitted = make_order(Status.SUBMITTED)
    fills = make_order(Status.CONFIRMED).fills

    order = submitted.confirm(fills, 2_725_000_000, NOW_MS)

    assert (order.sequence, order.status, order.fills, order.amount_out) == (
        submitted.sequence + 1,
        Status.CONFIRMED,
        fills,
        2_725_000_000,
    )
    # 2,725 USDC for 12.5 SOL.
    assert order.execution_price == Decimal(218)


@pytest.mark.parametrize("status", [Status.PENDING, Status.ROUTING, Status.BUILDING, Status.SUBMITTED])
def test_an_order_may_fail_at_any_stage_with_its_reason(status: Status) -> None:
    before = make_order(status)

    order = before.fail("Blockhash not found", NOW_MS + 1)

    assert order == msgspec.structs.replace(
        before,
        sequence=before.sequence + 1,
        status=Status.FAILED,
        updated_at_ms=NOW_MS + 1,
        reason="Blockhash not found",
    )


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("wish", [status for status in Status if status is not Status.PENDING])
def test_a_step_that_the_table_forbids_is_not_taken(status: Status, wish: Status) -> None:
    order = order_at(status)

    if wish in followers(status):
        assert step(order, wish).sequence == order.sequence + 1
    else:
        with pytest.raises(IllegalTransitionError, match=f"^{status} -> {wish}$"):
            step(order, wish)


@given(st.lists(times, min_size=4, max_size=4))
def test_an_orders_own_time_never_goes_back(clock: list[int]) -> None:
    order = make_order(now_ms=clock[0])
    seen = [order]

    for status, now_ms in zip((Status.ROUTING, Status.BUILDING, Status.SUBMITTED, Status.FAILED), clock, strict=True):
        seen.append(step(seen[-1], status, now_ms))

    assert [order.sequence for order in seen] == [1, 2, 3, 4, 5]
    assert [order.updated_at_ms for order in seen] == [clock[0], *(max(clock[:n]) for n in range(1, 5))]
    assert {order.created_at_ms for order in seen} == {clock[0]}


def test_what_an_order_does_not_have_yet_is_asked_for_in_vain() -> None:
    order = make_order(Status.PENDING)

    with pytest.raises(ValueError, match=f"^order {ORDER_ID} is pending and has no route yet$"):
        _ = order.chosen_route
    with pytest.raises(ValueError, match=f"^order {ORDER_ID} is pending and has no transaction yet$"):
        _ = order.built_transaction
    with pytest.raises(ValueError, match=f"^order {ORDER_ID} is pending and has no signature yet$"):
        _ = order.signature


@pytest.mark.parametrize("status", list(Status))
def test_every_event_begins_with_the_five_keys_of_a_frame(status: Status) -> None:
    order = order_at(status)

    document = event_document(order)

    assert list(document)[:5] == ALWAYS
    assert (document["order_id"], document["status"], document["sequence"]) == (ORDER_ID, status, order.sequence)
    assert document["timestamp"] == "2026-11-22T18:14:01.123Z"


def test_only_the_routing_event_has_the_route_with_every_venues_quote() -> None:
    found = {status: event_document(order_at(status)).get("route") for status in Status}

    route = found.pop(Status.ROUTING)
    assert route is not None
    assert route["venue"] == "meteora"
    assert [quote["venue"] for quote in route["quotes"]] == list(VENUES)
    assert set(found.values()) == {None}


def test_only_the_building_event_of_a_market_order_has_the_minimum_out() -> None:
    found = {status: event_document(make_order(status)).get("minimum_out") for status in OF_A_MARKET_ORDER}

    assert found.pop(Status.BUILDING) == 2_609_586_671
    assert set(found.values()) == {None}


def test_price_signature_and_reason_come_when_they_are_known() -> None:
    found = {status: event_document(make_order(status)) for status in OF_A_MARKET_ORDER}

    assert [status for status, said in found.items() if said["execution_price"] is not None] == [Status.CONFIRMED]
    assert [status for status, said in found.items() if said["tx_hash"] is not None] == [
        Status.SUBMITTED,
        Status.CONFIRMED,
        Status.FAILED,
    ]
    assert [status for status, said in found.items() if said["reason"] is not None] == [Status.FAILED]


def test_the_event_of_an_order_that_failed_before_it_was_sent_has_no_signature() -> None:
    order = make_order(Status.PENDING).fail("no venue trades it", NOW_MS)

    assert list(event_document(order).items()) == [
        ("order_id", ORDER_ID),
        ("status", "failed"),
        ("execution_price", None),
        ("tx_hash", None),
        ("reason", "no venue trades it"),
        ("sequence", 2),
        ("timestamp", "2026-11-22T18:14:01.123Z"),
    ]


@given(times)
def test_a_timestamp_has_every_millisecond(at_ms: int) -> None:
    written = iso_timestamp(at_ms)

    assert written.endswith("Z")
    assert len(written) == len("2026-11-22T18:14:01.123Z")
    read = datetime.fromisoformat(written)
    assert round(read.timestamp() * 1000) == at_ms
