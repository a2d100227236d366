"""change_orders through its Lambda handler: orders amended in one step, and what stands in the way."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.books import Resting
from orderflow.adapters.replication import transition_written
from orderflow.domain.attempts import MOST_STEPS
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.launches import LaunchFilters, Snipe
from orderflow.domain.order import Fired, Order, OrderId
from orderflow.domain.resting import Marks, first_place
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    with_slice,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, assert_refused, delete, get, patch
from tests.support.launched_tokens import MOON, LaunchingVenue, make_launch, make_snipe_request
from tests.support.ledger_rows import row_of

pytestmark = pytest.mark.usefixtures("_event_loop")


def keep(outside: Outside, *orders: Order) -> None:
    """Have Redis hold orders."""
    for order in orders:
        outside.orders.known[order.order_id] = (order, [])
        outside.orders.sequences[order.order_id] = order.sequence


def amend(order_id: str = ORDER_ID, **fields: Any) -> Answer:
    return patch(order_id, json.dumps(fields))


def kept(outside: Outside, order_id: str = ORDER_ID) -> Order:
    return outside.orders.known[order_id][0]


@pytest.mark.parametrize("status", [Status.OPEN, Status.PARTIALLY_FILLED])
def test_an_order_is_amended_in_one_step_and_shown_as_it_is_then(outside: Outside, status: Status) -> None:
    order = make_waiting_order(status)
    keep(outside, order)

    answer = amend(limit_price="222.5", amount=10)

    assert answer.status == 200
    [transition] = outside.orders.transitions
    after = transition.order
    assert (after.status, after.sequence, after.order_id) == (Status.OPEN, order.sequence + 1, order.order_id)
    assert (after.request.amount_in, after.request.limit) == (10 * 10**9, Limit(Price(Decimal("222.5"))))
    assert (after.amount_filled, after.amount_out) == (order.amount_filled, order.amount_out)
    shown = answer.document
    assert {name: shown[name] for name in ("order_id", "status", "sequence", "amount", "limit_price", "price_in")} == {
        "order_id": ORDER_ID,
        "status": "open",
        "sequence": order.sequence + 1,
        "amount": "10",
        "limit_price": "222.5",
        "price_in": "token_out",
    }
    assert "history" not in shown


def test_an_amendment_is_durable_before_it_is_answered(outside: Outside) -> None:
    order = make_waiting_order()
    keep(outside, order)
    request = msgspec.structs.replace(order.request, amount_in=10**10)
    written = transition_written(order.amend(request, None, NOW_MS), 1)
    outside.replication.lacking = [written]

    refused = amend(amount="10")
    outside.replication.lacking = []
    answer = amend(amount="10")

    assert_problem(refused, 503)
    assert answer.status == 200
    assert outside.replication.waited == [written]


def test_an_amendment_that_is_repeated_takes_no_step_more(outside: Outside) -> None:
    keep(outside, make_waiting_order())

    first, again = amend(limit_price="222.5"), amend(limit_price="222.50")

    assert first.document == again.document
    assert len(outside.orders.transitions) == 1


def test_an_end_is_set_anew(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.OPEN, "stop_loss"))

    answer = amend(expires_in=60)

    assert (answer.document["time_in_force"], answer.document["expires_at"]) == ("gtd", "2026-11-22T18:15:01.123Z")
    rests = kept(outside).rests
    assert rests is not None
    assert rests.expires_at_ms == NOW_MS + 60_000


def test_a_trailing_stop_keeps_what_it_has_come_to(outside: Outside) -> None:
    order = make_waiting_order(Status.OPEN, "trailing_stop")
    keep(outside, order)
    outside.books.resting[ORDER_ID] = Resting(order, Marks(watermark=231.5, since=7, rule="trailing_stop"))

    amend(trail_bps=300)

    rests = kept(outside).rests
    assert rests is not None
    assert rests.watermark == 231.5
    assert kept(outside).request.triggers[0].trail_bps == 300


@pytest.mark.parametrize("amount", ["6.25", "1"])
def test_an_amount_that_is_filled_already_cancels_the_rest(outside: Outside, amount: str) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED))

    answer = amend(amount=amount)

    assert answer.status == 200
    assert answer.document["status"] == "cancelled"
    assert (answer.document["amount_filled"], answer.document["amount_remaining"]) == ("6.25", "6.25")
    assert delete(ORDER_ID).status == 200


def test_at_a_sequence_an_order_is_amended_there_only(outside: Outside) -> None:
    keep(outside, make_waiting_order())

    fresh = amend(limit_price="222", sequence=2)
    stale = amend(limit_price="223", sequence=2)

    assert (fresh.status, fresh.document["sequence"]) == (200, 3)
    problem = assert_problem(stale, 412, "Precondition Failed")
    assert (problem["sequence"], problem["order_status"]) == (3, "open")
    assert problem["detail"] == f"order {ORDER_ID} is at sequence 3 by now, and open"
    assert len(outside.orders.transitions) == 1


UNDER_WAY = [
    make_waiting_order(Status.PENDING),
    make_waiting_order(Status.TRIGGERED),
    make_waiting_order(Status.SUBMITTED),
    make_order(Status.PENDING),
]
ENDED = [make_waiting_order(Status.CONFIRMED), make_waiting_order(Status.CANCELLED), make_order(Status.FAILED)]


@pytest.mark.parametrize("order", UNDER_WAY, ids=lambda order: f"{order.request.order_type}-{order.status}")
def test_an_order_that_does_not_rest_is_not_amended(outside: Outside, order: Order) -> None:
    keep(outside, order)

    problem = assert_problem(amend(amount="1"), 409, "Conflict")

    assert problem["order_status"] == order.status.value
    assert problem["detail"] == (
        f"order {ORDER_ID} is {order.status}: only one that is open or partially_filled can be amended"
    )


@pytest.mark.parametrize("order", ENDED, ids=lambda order: f"{order.request.order_type}-{order.status}")
@pytest.mark.parametrize("in_redis", [True, False])
def test_an_order_that_has_ended_is_not_amended(outside: Outside, order: Order, in_redis: bool) -> None:
    if in_redis:
        keep(outside, order)
    else:
        outside.ledger.rows[ORDER_ID] = row_of(order)

    problem = assert_problem(amend(amount="1"), 409)

    assert (problem["order_status"], problem["sequence"]) == (order.status.value, order.sequence)
    assert problem["detail"] == f"order {ORDER_ID} has ended: it is {order.status}"
    assert_problem(amend(amount="1", sequence=1), 412)


def test_an_order_that_is_lost_to_redis_is_neither_amended_nor_unknown(outside: Outside) -> None:
    outside.ledger.rows[ORDER_ID] = row_of(make_waiting_order())

    assert_problem(amend(amount="1"), 503)


def test_an_order_that_neither_has_is_not_found(outside: Outside) -> None:
    assert_problem(amend(OTHER_ID, amount="1"), 404)
    outside.ledger.error = RetryableError("asked again at once")
    assert_problem(amend(OTHER_ID, amount="1"), 404)


def test_an_order_whose_cancel_was_requested_is_not_amended(outside: Outside) -> None:
    order = with_slice(make_waiting_order(Status.OPEN, "twap"))
    keep(outside, order)
    outside.orders.ends[ORDER_ID] = Status.CANCELLED

    problem = assert_problem(amend(amount="20"), 409)

    assert problem["detail"] == f"order {ORDER_ID} is about to be cancelled, which was requested"


def test_an_order_whose_time_is_over_is_not_amended_whether_it_has_ended_or_not(outside: Outside) -> None:
    request = make_waiting_request(expires_at_ms=NOW_MS, time_in_force="gtd")
    keep(outside, make_waiting_order(request=request))

    problem = assert_problem(amend(expires_in=60), 409)

    assert problem["detail"] == f"order {ORDER_ID} has expired"


def test_a_slice_is_not_amended_itself(outside: Outside) -> None:
    order = make_waiting_order()
    keep(outside, msgspec.structs.replace(order, parent_id=OTHER_ID, slice=2))

    problem = assert_problem(amend(amount="1"), 409)

    assert problem["detail"] == f"order {ORDER_ID} is a slice of order {OTHER_ID}, which can be amended"


def test_an_order_of_very_many_steps_is_amended_no_more_but_cancelled(outside: Outside) -> None:
    last, too_many = (msgspec.structs.replace(make_waiting_order(), sequence=MOST_STEPS - 1 + more) for more in (0, 1))
    keep(outside, last)
    assert amend(amount="10").status == 200
    keep(outside, too_many)

    problem = assert_problem(amend(amount="11"), 409)

    assert problem["detail"].endswith("has taken 10000 steps: it can be cancelled, and amended no more")
    assert delete(ORDER_ID).status == 200


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"token_in": "USDC"}, "token_in", "can't be changed"),
        ({"trigger_price": "1"}, "trigger_price", "is not a field of a limit order"),
        ({"amount": "0.001"}, "amount", "must leave at least 1 USD"),
        (
            {"limit_price": "1e18", "amount": "12.5"},
            "limit_price",
            "must ask for at most 18446744073709.551615 USDC for the whole amount",
        ),
        ({"sequence": 0}, "body", None),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field(
    outside: Outside, fields: dict[str, Any], field: str, rule: str | None
) -> None:
    keep(outside, make_waiting_order())

    answer = amend(**fields)

    if rule is None:
        assert [error["field"] for error in assert_problem(answer, 400)["errors"]] == [field]
    else:
        assert_refused(answer, field, rule)
    assert outside.orders.transitions == []


def test_what_an_amount_leaves_is_worth_something(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED))

    assert_refused(amend(amount="6.251"), "amount", "must leave at least 1 USD")
    assert amend(amount="6.5").status == 200


def test_a_slice_of_what_an_amount_leaves_is_worth_something(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED, "twap"))

    assert_refused(amend(amount="3.13"), "amount", "must leave at least 1 USD for each slice")
    assert amend(amount="3.2").status == 200


def test_between_two_slices_those_that_are_left_take_the_rest(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED, "twap"))

    assert amend(amount="9.125", limit_price="215").status == 200

    assert make_slice(kept(outside), Status.PENDING).request.amount_in == 2 * 10**9
    assert amend(amount="3.125").document["status"] == "cancelled"


def test_while_a_slice_is_under_way_that_much_is_executed(outside: Outside) -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED, "twap")
    keep(outside, make_slice(order, Status.SUBMITTED), with_slice(order))

    less, none, more = amend(amount="6"), amend(amount="3"), amend(amount="6.25")

    for refused in (less, none):
        problem = assert_problem(refused, 409)
        assert problem["order_status"] == "partially_filled"
        assert problem["detail"].endswith("has a slice under way: with that 6.25 SOL are executed")
    assert (more.status, more.document["status"]) == (200, "open")
    assert kept(outside).progress == with_slice(order).progress


def test_while_the_last_slice_is_under_way_the_amount_stays(outside: Outside) -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED, "twap")
    progress = order.progress
    assert progress is not None
    order = msgspec.structs.replace(order, progress=msgspec.structs.replace(progress, begun=3, ended=3))
    keep(outside, make_slice(order, Status.SUBMITTED), with_slice(order))

    assert_problem(amend(amount="13"), 409)
    assert amend(limit_price="215").status == 200


def test_a_slice_that_has_just_ended_is_waited_for(outside: Outside) -> None:
    keep(outside, with_slice(make_waiting_order(Status.OPEN, "twap")))

    assert_problem(amend(amount="13"), 503)


def test_of_an_order_that_was_triggered_and_rests_at_its_limit_that_alone_is_amended(outside: Outside) -> None:
    order = make_waiting_order(Status.OPEN, "oco")
    fired = Fired(7, "stop_loss", Decimal(200), order.request.amount_in)
    limits = [msgspec.structs.replace(trigger, limit=Limit(Price(Decimal(195)))) for trigger in order.request.triggers]
    request = msgspec.structs.replace(order.request, triggers=tuple(limits))
    keep(outside, msgspec.structs.replace(order, fired=fired, request=request))

    other_leg = amend(take_profit={"trigger_price": "260"})
    trigger = amend(stop_loss={"trigger_price": "205"})
    limit = amend(stop_loss={"limit_price": "190"})

    for refused in (other_leg, trigger):
        problem = assert_problem(refused, 409)
        assert problem["detail"].endswith(
            "was triggered by its stop_loss: of that its limit_price alone can be amended"
        )
    assert limit.status == 200
    assert limit.document["stop_loss"]["limit_price"] == "190"


def stepping(outside: Outside, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[Order], Order]) -> None:
    """Have the order take one of these steps each time after it was read, as the engine may."""
    left, find_each = list(steps), outside.orders.find_each

    def find_and_step(order_ids: Any, account: str) -> dict[str, Order]:
        found = find_each(order_ids, account)
        if left and ORDER_ID in found:
            keep(outside, left.pop(0)(found[ORDER_ID]))
        return found

    monkeypatch.setattr(outside.orders, "find_each", find_and_step)


def test_what_happens_meanwhile_is_amended_with_it(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(outside, make_waiting_order())
    partly = make_waiting_order(Status.PARTIALLY_FILLED)
    stepping(outside, monkeypatch, lambda _: partly)

    answer = amend(amount="10")

    assert (answer.document["sequence"], answer.document["amount_filled"]) == (partly.sequence + 1, "6.25")


def test_an_order_that_fires_meanwhile_is_not_amended(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(outside, make_waiting_order())
    stepping(outside, monkeypatch, lambda _: make_waiting_order(Status.TRIGGERED))

    problem = assert_problem(amend(amount="10"), 409)

    assert problem["order_status"] == "triggered"


def test_an_order_that_steps_meanwhile_is_not_at_its_sequence_any_more(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(outside, make_waiting_order())
    stepping(outside, monkeypatch, lambda order: order.amend(order.request, None, NOW_MS))

    problem = assert_problem(amend(amount="10", sequence=2), 412)

    assert problem["sequence"] == 3


def test_a_cancel_that_is_requested_meanwhile_stands(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(outside, with_slice(make_waiting_order(Status.OPEN, "twap")))

    def request(order: Order) -> Order:
        outside.orders.ends[ORDER_ID] = Status.CANCELLED
        return order

    noted = outside.books.noted
    monkeypatch.setattr(outside.books, "noted", lambda orders: [each for each in noted(orders) if request(each.order)])

    problem = assert_problem(amend(limit_price="215"), 409)

    assert problem["detail"].endswith("is about to be cancelled, which was requested")
    assert outside.orders.transitions == []


def test_an_order_that_steps_each_time_is_not_amended_for_now(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(outside, make_waiting_order())
    stepping(outside, monkeypatch, *[lambda order: order.amend(order.request, None, NOW_MS)] * 100)

    answer = amend(amount="10")

    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), RetryableError("gone")])
def test_without_redis_nothing_is_amended(outside: Outside, error: Exception) -> None:
    outside.orders.error = error

    assert_problem(amend(amount="10"), 503)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("[]", {}, 400),
        ('{"amount":', {}, 400),
        ("x" * 70_000, {}, 413),
        ('{"amount":"1"}', {"content-type": "text/plain"}, 415),
    ],
)
def test_what_is_no_amendment_is_refused(outside: Outside, body: str, headers: dict[str, str], status: int) -> None:
    assert_problem(patch(ORDER_ID, body, headers), status)


def test_what_is_no_id_is_the_id_of_no_order(outside: Outside) -> None:
    assert_problem(amend("x", amount="1"), 404)


def test_the_order_is_read_as_it_was_amended(outside: Outside) -> None:
    keep(outside, make_waiting_order())
    summary = amend(limit_price="222.5").document

    details = get(f"/api/orders/{ORDER_ID}").document

    assert {name: details[name] for name in summary} == summary


def sniper() -> Order:
    exits = (Trigger("stop_loss", 2_000, entry_bps=3_000),)
    request = make_snipe_request(expires_at_ms=NOW_MS + 60_000, time_in_force="gtd", exits=exits)
    return Order.accept(OrderId(ORDER_ID), request, NOW_MS).open(0, NOW_MS)


def test_an_order_that_waits_for_a_launch_is_amended(outside: Outside) -> None:
    keep(outside, sniper())
    then = {"take_profit": {"gain_bps": 5000}}

    answer = amend(filters={"lp_burned": True}, priority="fast", max_slippage=0.3, expires_in=3600, then=then)

    assert answer.status == 200, answer.text
    after = kept(outside)
    assert (after.status, after.sequence) == (Status.OPEN, 3)
    assert after.request == msgspec.structs.replace(
        sniper().request,
        snipe=Snipe(None, LaunchFilters(lp_burned=True), "fast"),
        slippage_bps=3_000,
        expires_at_ms=NOW_MS + 3_600_000,
        exits=(Trigger("take_profit", 500, entry_bps=5_000),),
    )
    assert first_place(after).books == {"launch:USDC": 1.0}
    assert (answer.document["priority"], answer.document["token_out"]) == ("fast", None)


def test_what_is_not_amended_of_an_order_that_waits_for_a_launch_stays(outside: Outside) -> None:
    keep(outside, sniper())

    assert amend(amount="50").status == 200
    assert kept(outside).request == msgspec.structs.replace(sniper().request, amount_in=50_000_000)
    assert amend(amount="50").document["sequence"] == 3


@pytest.mark.parametrize(
    ("fields", "since_slot"),
    [
        ({"filters": {}}, 250),
        ({"priority": "fast"}, 0),
        ({"filters": {"freezable": False, "min_liquidity": "10000"}}, 0),
    ],
)
def test_other_filters_are_for_launches_to_come_not_for_those_that_were_passed_over(
    outside: Outside, fields: dict[str, Any], since_slot: int
) -> None:
    outside.venue = LaunchingVenue(outside, make_launch(freezable=True), slot=250)
    keep(outside, sniper())

    assert amend(**fields, amount="50").status == 200

    rests = kept(outside).rests
    assert rests is not None
    assert rests.since_slot == since_slot


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("target", {"any": True}, "can't be changed"),
        ("token_in", "SOL", "can't be changed"),
        ("time_in_force", "gtc", "can't be changed"),
        ("token_out", "SOL", "is not a field of a sniper order"),
        ("limit_price", "1", "is not a field of a sniper order"),
        ("price_in", "token_in", "is not a field of a sniper order"),
        ("priority", "asap", "must be 'normal', 'fast' or 'turbo'"),
        ("amount", "0.5", "must leave at least 1 USD"),
    ],
)
def test_what_can_not_be_amended_of_an_order_that_waits_for_a_launch_is_refused(
    outside: Outside, field: str, value: Any, rule: str
) -> None:
    keep(outside, sniper())

    assert_refused(amend(**{field: value}), field, rule)
    assert outside.orders.transitions == []


@pytest.mark.parametrize("field", ["filters", "priority", "max_slippage", "then"])
def test_only_an_order_that_waits_for_a_launch_can_be_amended_so(outside: Outside, field: str) -> None:
    keep(outside, make_waiting_order())

    problem = assert_problem(patch(ORDER_ID, f'{{"{field}":{{}}}}'), 400)

    known = field in ("max_slippage", "then")
    assert problem["errors"] == [
        {"field": field, "rule": "can't be changed" if known else "is not a field of a limit order"}
    ]


def test_an_order_on_a_launched_token_is_amended_in_its_units(outside: Outside) -> None:
    request = make_waiting_request(token_in="MOON200", tokens=(MOON,), amount_in=10**12)
    keep(outside, make_waiting_order(request=request))

    assert amend(amount="500", limit_price="0.5").document["amount"] == "500"
    assert kept(outside).request.amount_in == 500 * 10**9
    assert kept(outside).request.tokens == (MOON,)
