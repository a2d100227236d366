"""change_orders through its Lambda handler: orders cancelled, one or many, whatever they are at."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.keys import partition_of
from orderflow.adapters.replication import end_requested, transition_written
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.at_once import AtOnce
from tests.support.builders import (
    NOW_MS,
    ORDER_ID,
    OTHER_ID,
    make_order,
    make_slice,
    make_waiting_order,
    nth_id,
    with_slice,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, asking_as, assert_problem, assert_refused, delete, post
from tests.support.ledger_rows import row_of

pytestmark = pytest.mark.usefixtures("_event_loop")
EACH_PATH = "/api/orders/cancel"


def keep(outside: Outside, *orders: Order) -> None:
    """Have Redis hold orders."""
    for order in orders:
        outside.orders.known[order.order_id] = (order, [])
        outside.orders.sequences[order.order_id] = order.sequence


def cancel_each(*order_ids: Any) -> Answer:
    return post(json.dumps({"order_ids": order_ids}), path=EACH_PATH)


@pytest.mark.parametrize(
    "order",
    [
        make_order(Status.PENDING),
        make_order(Status.ROUTING),
        make_order(Status.BUILDING),
        make_waiting_order(Status.PENDING),
        make_waiting_order(Status.OPEN),
        make_waiting_order(Status.TRIGGERED, "stop_loss"),
        make_waiting_order(Status.ROUTING),
    ],
    ids=lambda order: f"{order.request.order_type}-{order.status}",
)
def test_an_order_that_is_not_out_is_cancelled_and_the_answer_is_the_same_again(outside: Outside, order: Order) -> None:
    keep(outside, order)

    first, again = delete(ORDER_ID), delete(ORDER_ID.upper())

    assert (first.status, again.status) == (200, 200)
    assert first.document == again.document
    assert first.document == {
        "order_id": ORDER_ID,
        "status": "cancelled",
        "sequence": order.sequence + 1,
        "amount_filled": "0",
        "amount_remaining": "12.5",
    }
    assert [transition.order.status for transition in outside.orders.transitions] == [Status.CANCELLED]


def test_what_was_filled_of_an_order_is_said(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED))

    answer = delete(ORDER_ID)

    assert (answer.document["amount_filled"], answer.document["amount_remaining"]) == ("6.25", "6.25")


def test_a_cancel_is_durable_before_it_is_answered(outside: Outside) -> None:
    order = make_waiting_order()
    keep(outside, order)
    written = transition_written(order.cancel(NOW_MS), 1)
    outside.replication.lacking = [written]

    refused = delete(ORDER_ID)
    outside.replication.lacking = []
    answer = delete(ORDER_ID)

    # The cancel stands in Redis, but a failover may take it back; so the second answer waits as well.
    assert_problem(refused, 503)
    assert refused.headers["retry-after"] == "1"
    assert answer.status == 200
    assert outside.replication.waited == [written]


@pytest.mark.parametrize("order", [make_order(Status.SUBMITTED), make_waiting_order(Status.SUBMITTED)])
def test_the_cancel_of_an_order_that_is_out_is_requested(outside: Outside, order: Order) -> None:
    keep(outside, order)

    first, again = delete(ORDER_ID), delete(ORDER_ID)

    assert (first.status, again.status) == (202, 202)
    assert first.document == {"order_id": ORDER_ID, "status": "submitted", "cancel": "requested"}
    assert again.document == first.document
    assert outside.orders.ends == {ORDER_ID: Status.CANCELLED}
    assert outside.orders.transitions == []
    assert outside.replication.waited == [end_requested(order, 1)] * 2


@pytest.mark.parametrize("status", [Status.OPEN, Status.PARTIALLY_FILLED])
def test_an_order_in_slices_ends_when_the_slice_under_way_has(outside: Outside, status: Status) -> None:
    order = make_waiting_order(status, "twap")
    child = make_slice(order, Status.PENDING)
    keep(outside, with_slice(order), child)

    answer = delete(ORDER_ID)

    assert answer.status == 202
    assert answer.document == {"order_id": ORDER_ID, "status": status.value, "cancel": "requested"}
    assert [each.order.order_id for each in outside.orders.transitions] == [child.order_id]


def test_an_order_in_slices_between_two_of_them_is_cancelled(outside: Outside) -> None:
    keep(outside, make_waiting_order(Status.PARTIALLY_FILLED, "twap"))

    answer = delete(ORDER_ID)

    assert answer.status == 200
    assert (answer.document["amount_filled"], answer.document["amount_remaining"]) == ("3.125", "9.375")


ENDED = [
    make_order(Status.CONFIRMED),
    make_order(Status.FAILED),
    make_waiting_order(Status.CONFIRMED),
    make_waiting_order(Status.EXPIRED),
]


@pytest.mark.parametrize("order", ENDED, ids=lambda order: f"{order.request.order_type}-{order.status}")
@pytest.mark.parametrize("in_redis", [True, False])
def test_an_order_that_has_ended_otherwise_stays_as_it_is(outside: Outside, order: Order, in_redis: bool) -> None:
    if in_redis:
        keep(outside, order)
    else:
        outside.ledger.rows[ORDER_ID] = row_of(order)

    problem = assert_problem(delete(ORDER_ID), 409, "Conflict")

    assert (problem["order_status"], problem["sequence"]) == (order.status.value, order.sequence)
    assert problem["detail"] == f"order {ORDER_ID} has ended: it is {order.status}"
    assert outside.orders.transitions == []


def test_an_order_that_was_cancelled_long_ago_has_the_same_answer(outside: Outside) -> None:
    order = make_waiting_order(Status.PARTIALLY_FILLED)
    keep(outside, order)
    first = delete(ORDER_ID)
    outside.ledger.rows[ORDER_ID] = row_of(outside.orders.known.pop(ORDER_ID)[0])

    assert delete(ORDER_ID).document == first.document


def test_an_order_that_neither_has_is_not_found_and_not_asked_for_again_at_once(outside: Outside) -> None:
    first, again = delete(OTHER_ID), delete(OTHER_ID)

    assert assert_problem(first, 404)["detail"] == f"there is no order {OTHER_ID}"
    assert_problem(again, 404)
    assert outside.ledger.sought == [[OTHER_ID]]


def test_an_order_that_is_lost_to_redis_is_neither_cancelled_nor_unknown(outside: Outside) -> None:
    outside.ledger.rows[ORDER_ID] = row_of(make_order(Status.ROUTING))
    outside.ledger.rows[OTHER_ID] = row_of(make_waiting_order(Status.CANCELLED, order_id=OTHER_ID))

    assert_problem(delete(ORDER_ID), 503)
    lost, ended = cancel_each(ORDER_ID, OTHER_ID).document["results"]
    assert lost["problem"]["status"] == 503
    assert ended["order"]["status"] == "cancelled"


@pytest.mark.parametrize("text", ["x", "1", "%00", ORDER_ID[:-1], f"{ORDER_ID}0"])
def test_what_is_no_id_is_the_id_of_no_order(outside: Outside, text: str) -> None:
    assert_problem(delete(text), 404)


def test_a_query_is_refused(outside: Outside) -> None:
    assert_refused(delete(ORDER_ID, force="1"), "force", "is not a parameter of this path")


@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), RetryableError("gone")])
def test_without_redis_nothing_is_known(outside: Outside, error: Exception) -> None:
    outside.orders.error = error

    answer = delete(ORDER_ID)

    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


def test_without_postgres_orders_that_redis_has_are_cancelled(outside: Outside) -> None:
    outside.ledger.error = RetryableError("Postgres is unavailable")
    keep(outside, make_waiting_order())

    assert delete(ORDER_ID).status == 200
    assert_problem(delete(OTHER_ID), 503)


def stepping(outside: Outside, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[Order], Order]) -> None:
    """Have the order take one of these steps each time after it was read, as the engine may."""
    left, find_each = list(steps), outside.orders.find_each

    def find_and_step(order_ids: Any, account: str) -> dict[str, Order]:
        found = find_each(order_ids, account)
        if left and ORDER_ID in found:
            keep(outside, left.pop(0)(found[ORDER_ID]))
        return found

    monkeypatch.setattr(outside.orders, "find_each", find_and_step)


def test_an_order_that_goes_out_meanwhile_is_not_cancelled_but_its_cancel_is_requested(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, out = make_order(Status.BUILDING), make_order(Status.SUBMITTED)
    keep(outside, built)
    stepping(outside, monkeypatch, lambda _: out)

    answer = delete(ORDER_ID)

    assert (answer.status, answer.document["cancel"]) == (202, "requested")


def test_an_order_that_is_executed_meanwhile_is_not_said_to_be_cancelled(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(outside, make_order(Status.SUBMITTED))
    stepping(outside, monkeypatch, lambda _: make_order(Status.CONFIRMED))

    problem = assert_problem(delete(ORDER_ID), 409)

    assert problem["order_status"] == "confirmed"
    assert outside.orders.ends == {}


def test_of_an_order_that_steps_each_time_nothing_is_said(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(outside, make_waiting_order())
    stepping(outside, monkeypatch, *[lambda order: order.amend(order.request, None, NOW_MS)] * 100)

    assert_problem(delete(ORDER_ID), 503)


def test_many_are_cancelled_each_as_its_own_delete_would(outside: Outside) -> None:
    rests, out, ended = (
        msgspec.structs.replace(order, order_id=nth_id(number))
        for number, order in enumerate([make_waiting_order(), make_order(Status.SUBMITTED), ENDED[0]])
    )
    keep(outside, rests, out, ended)

    answer = cancel_each(ended.order_id, rests.order_id, OTHER_ID, out.order_id, "no id", 5, rests.order_id.upper())

    assert answer.status == 207
    assert "retry-after" not in answer.headers
    alone = [
        delete(order_id).document for order_id in (ended.order_id, rests.order_id, OTHER_ID, out.order_id, "no id")
    ]
    assert [result.get("order") or result["problem"] for result in answer.document["results"]] == [
        *alone,
        {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "order_id must be the id of an order",
            "errors": [{"field": "order_id", "rule": "must be the id of an order"}],
        },
        alone[1],
    ]


def test_many_that_are_all_cancelled_or_requested_have_no_problem(outside: Outside) -> None:
    some = [make_waiting_order(order_id=nth_id(number)) for number in range(99)]
    keep(outside, *some, make_order(Status.SUBMITTED))

    answer = cancel_each(*(order.order_id for order in some), ORDER_ID)

    assert answer.status == 200
    assert [result["order"]["status"] for result in answer.document["results"]] == ["cancelled"] * 99 + ["submitted"]


def test_where_one_partition_is_unavailable_the_orders_of_the_others_are_cancelled(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.orders.partitions = 4
    some = [make_waiting_order(order_id=nth_id(number)) for number in range(20)]
    keep(outside, *some)
    find_each = outside.orders.find_each

    def find(order_ids: list[str], account: str) -> dict[str, Order]:
        if "p2" in {partition_of(order_id, 4) for order_id in order_ids}:
            raise redis.ConnectionError("refused")
        return find_each(order_ids, account)

    monkeypatch.setattr(outside.orders, "find_each", find)

    answer = cancel_each(*(order.order_id for order in some))

    assert (answer.status, answer.headers["retry-after"]) == (207, "1")
    for order, result in zip(some, answer.document["results"], strict=True):
        is_unavailable = partition_of(order.order_id, 4) == "p2"
        assert result.get("problem", {}).get("status") == (503 if is_unavailable else None)


@pytest.mark.parametrize("ids", ["[]", "null", "{}", '"x"', "5", json.dumps([ORDER_ID] * 101)])
def test_what_is_no_list_of_1_to_100_ids_is_refused(outside: Outside, ids: str) -> None:
    assert_refused(post(f'{{"order_ids":{ids}}}', path=EACH_PATH), "order_ids", "must be an array of 1 to 100 ids")


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 400), ("[]", 400), (f'{{"order_ids":["{ORDER_ID}"],"all":true}}', 400), ("x" * 70_000, 413)],
)
def test_what_is_no_list_at_all_is_refused(outside: Outside, body: str, status: int) -> None:
    keep(outside, make_waiting_order())

    assert_problem(post(body, path=EACH_PATH), status)
    assert outside.orders.transitions == []


def test_a_body_that_is_not_stated_to_be_json_is_refused(outside: Outside) -> None:
    assert_problem(post("{}", {"content-type": "text/plain"}, path=EACH_PATH), 415)


def test_more_changes_than_the_limit_are_refused_for_now(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(outside, make_waiting_order())
    none = AtOnce("MAX_CHANGES", 0, 1)
    monkeypatch.setattr(async_clients, "changes", lambda: none)

    answer = delete(ORDER_ID)

    assert (answer.status, answer.document["limit"], answer.headers["retry-after"]) == (503, "MAX_CHANGES", "1")
    assert outside.orders.transitions == []


def test_what_is_unknown_to_one_account_is_sought_anew_for_another(outside: Outside) -> None:
    row = row_of(make_order(Status.PENDING).cancel(NOW_MS))
    outside.ledger.rows[ORDER_ID] = msgspec.structs.replace(row, account="desk-1")

    with asking_as("desk-2"):
        others = [delete(ORDER_ID).status for _ in range(2)]
    with asking_as("desk-1"):
        own = delete(ORDER_ID).status
    with asking_as("desk-2"):
        others.append(delete(ORDER_ID).status)

    assert (others, own) == ([404] * 3, 200)
    assert outside.ledger.sought == [[ORDER_ID]] * 2
