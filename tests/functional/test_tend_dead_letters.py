"""tend_dead_letters through its Lambda handler: who may see dead letters, and how what can't be done is answered."""

from typing import Any

import msgspec
import pytest
import redis

from functions.tend_dead_letters.app import PATH
from functions.tend_dead_letters.handler import lambda_handler
from orderflow.adapters.dead_letters import DeadLetter
from orderflow.domain.access import Caller, Limits, Permission
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.access import context_of
from tests.support import http_api
from tests.support.builders import NOW_MS, ORDER_ID, OTHER_ID, encode, make_order, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, assert_refused, get

pytestmark = pytest.mark.usefixtures("_event_loop")

FIRST, SECOND = f"{NOW_MS}-0", f"{NOW_MS}-1"


def of_alice(status: Status) -> Order:
    return msgspec.structs.replace(make_order(status), account="alice")


def keep(outside: Outside, *orders: Order) -> None:
    for order in orders:
        outside.orders.known[order.order_id] = (order, [])


def give_up(outside: Outside, letter_id: str = FIRST, partition: str = "p0", **own: str) -> None:
    fields = {**own, "function": "route_order", "stream": "route", "attempts": "4", "error": "boom"}
    letter = DeadLetter(partition, letter_id, "route_order", "route", 4, "boom", fields)
    outside.dead_letters.held.append(letter)


def redrive(name: str) -> Answer:
    return get(f"{PATH}/{name}/redrive", "POST")


def discard(name: str) -> Answer:
    return get(f"{PATH}/{name}", "DELETE")


def test_letters_are_listed_with_their_orders_whosever_these_are(outside: Outside) -> None:
    keep(outside, of_alice(Status.ROUTING))
    give_up(outside, order=encode(of_alice(Status.PENDING)))
    give_up(outside, SECOND, "chain", beat="1")

    answer = get(PATH)

    assert answer.status == 200
    [latest, before] = answer.document["dead_letters"]
    assert before == {
        "name": f"p0/{FIRST}",
        "partition": "p0",
        "id": FIRST,
        "function": "route_order",
        "stream": "route",
        "attempts": 4,
        "error": "boom",
        "at": "2026-11-22T18:14:01.123Z",
        "order_id": ORDER_ID,
        "account": "alice",
        "order_status": "routing",
    }
    assert latest["name"] == f"chain/{SECOND}"
    assert (latest["order_id"], latest["account"], latest["order_status"]) == (None, None, None)
    assert answer.document["total"] == 2


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", ""])
def test_a_limit_that_can_not_be_used_is_refused(outside: Outside, limit: str) -> None:
    assert_refused(get(PATH, limit=limit), "limit", "must be from 1 to 200")


def test_a_letter_is_redriven_and_gone(outside: Outside) -> None:
    order = make_order(Status.PENDING)
    keep(outside, order)
    give_up(outside, order=encode(order))

    answer = redrive(f"p0/{FIRST}")

    assert (answer.status, answer.document) == (200, {"name": f"p0/{FIRST}", "redriven": True})
    assert outside.dead_letters.redriven == [("p0", "route", {"order": encode(order), "function": "route_order"})]
    assert assert_problem(redrive(f"p0/{FIRST}"), 404)["detail"] == f"there is no dead letter p0/{FIRST}"
    assert len(outside.dead_letters.redriven) == 1


def test_a_letter_is_discarded(outside: Outside) -> None:
    give_up(outside)

    answer = discard(f"p0/{FIRST}")

    assert (answer.status, answer.document) == (200, {"name": f"p0/{FIRST}", "discarded": True})
    assert outside.dead_letters.redriven == []
    assert_problem(discard(f"p0/{FIRST}"), 404)
    assert get(PATH).document == {"dead_letters": [], "total": 0}


def test_a_letter_that_somebody_else_took_in_between_is_not_there(outside: Outside) -> None:
    give_up(outside)
    outside.dead_letters.taken_meanwhile = True

    assert assert_problem(discard(f"p0/{FIRST}"), 404)["detail"] == f"p0/{FIRST} is not there any more"


def test_a_letter_whose_order_has_ended_stays_and_the_answer_says_how_that_is(outside: Outside) -> None:
    keep(outside, ended := make_order(Status.PENDING, order_id=OTHER_ID).fail("no", NOW_MS))
    give_up(outside, order=encode(make_order(Status.PENDING, order_id=OTHER_ID)))

    problem = assert_problem(redrive(f"p0/{FIRST}"), 409, "Conflict")

    assert problem["detail"] == f"p0/{FIRST}: order {OTHER_ID} has failed; discard the letter"
    assert (problem["order_status"], problem["sequence"]) == ("failed", ended.sequence)
    assert get(PATH).document["total"] == 1


def test_a_letter_that_no_function_would_get_stays(outside: Outside) -> None:
    give_up(outside)
    outside.dead_letters.readers = set()

    problem = assert_problem(redrive(f"p0/{FIRST}"), 409, "Conflict")

    assert problem["detail"] == f"p0/{FIRST}: route_order does not read route here; discard the letter"
    assert get(PATH).document["total"] == 1


@pytest.mark.parametrize("name", [f"p9/{FIRST}", f"p0/{NOW_MS}", "p0/-", "p0/x", "{p0}:route/1-1", "p0/" + "9" * 500])
def test_what_is_no_letter_is_not_there(outside: Outside, name: str) -> None:
    give_up(outside)

    for answer in (redrive(name), discard(name)):
        assert_problem(answer, 404)
        assert len(answer.text) < 300


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), RetryableError("no")])
def test_without_redis_it_may_be_tried_again(outside: Outside, error: Exception) -> None:
    outside.dead_letters.error = error

    for answer in (get(PATH), redrive(f"p0/{FIRST}"), discard(f"p0/{FIRST}")):
        assert_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"


class Callers:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._caller = Caller("alice", frozenset())
        monkeypatch.setattr(http_api, "read_event", self._event)

    def come_with(self, *permissions: Permission) -> None:
        self._caller = Caller("alice", frozenset(permissions), "7AeQnb2Xk1c", Limits())

    def _event(self, name: str) -> dict[str, Any]:
        event: dict[str, Any] = read_event(name)
        event["requestContext"]["authorizer"]["lambda"] = context_of(self._caller)
        return event


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> Callers:
    return Callers(monkeypatch)


@pytest.mark.parametrize("permission", ["read", "trade", "market"])
def test_nobody_without_admin_sees_or_does_anything(outside: Outside, callers: Callers, permission: Permission) -> None:
    give_up(outside)
    outside.dead_letters.error = AssertionError("reached")
    callers.come_with(permission)

    for answer in (get(PATH), redrive(f"p0/{FIRST}"), discard(f"p0/{FIRST}")):
        assert assert_problem(answer, 403)["detail"] == "this key may not run the engine"
    assert outside.rate_limits.spent == {}


def test_tending_is_counted_and_logged_with_who_did_it(
    outside: Outside, callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    give_up(outside)
    callers.come_with("admin")

    assert get(PATH).status == redrive(f"p0/{FIRST}").status == 200

    assert outside.rate_limits.spent == {("alice", "reads"): 2, ("alice", "changes"): 1}
    [line] = [vars(record) for record in caplog.records if record.message == "dead letter redriven"]
    said = {name: line[name] for name in ("account", "key_id", "letter", "function", "order_id")}
    assert said == {
        "account": "alice",
        "key_id": "7AeQnb2Xk1c",
        "letter": f"p0/{FIRST}",
        "function": "route_order",
        "order_id": None,
    }


def test_no_request_is_served_that_no_authorizer_has_seen(outside: Outside) -> None:
    event = read_event("tend_dead_letters.list")
    del event["requestContext"]["authorizer"]

    assert lambda_handler(event, None)["statusCode"] == 500
