"""accept_order through its Lambda handler: many orders in one request, each answered as its own POST would be."""

import json
from typing import Any

import pytest
import redis

from orderflow.adapters.intake import Conflict
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import OrderId
from orderflow.errors import OverloadedError, RetryableError
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from tests.support.builders import OTHER_ID
from tests.support.fakes.outside import Outside
from tests.support.http_api import BATCH_PATH, Answer, assert_problem, assert_refused, post, post_batch, written

pytestmark = pytest.mark.usefixtures("_event_loop")

REUSED = "must not be used again with another order"


def named(client_order_id: str, **changes: str | None) -> str:
    return written(client_order_id=json.dumps(client_order_id), **changes)


def statuses(answer: Answer) -> list[int]:
    """Return what each order's own POST would have been answered."""
    return [result["problem"]["status"] if "problem" in result else 202 for result in answer.document["results"]]


def test_a_batch_of_good_orders_is_accepted_in_its_order(outside: Outside) -> None:
    amounts = [str(number) for number in range(1, 101)]

    answer = post_batch(*(written(amount=amount) for amount in amounts))

    assert answer.status == 202
    assert answer.headers["content-type"] == "application/json"
    assert "retry-after" not in answer.headers
    results = answer.document["results"]
    assert all(result.keys() == {"order"} for result in results)
    assert [result["order"]["amount"] for result in results] == amounts
    assert [result["order"]["order_id"] for result in results] == [
        each.order.order_id for each in outside.intake.created
    ]


def test_one_order_of_a_batch_is_answered_as_its_own_post_is(outside: Outside) -> None:
    outside.intake.outcome = OrderId(OTHER_ID)

    alone, in_batch = post(named("abc")), post_batch(named("abc"))

    assert in_batch.document == {"results": [{"order": alone.document}]}
    one, other = outside.intake.created
    assert one.order.request == other.order.request
    assert (one.idempotency_key, one.fingerprint) == (other.idempotency_key, other.fingerprint)


BROKEN = [
    "{}",
    written(token_in='"DOGE"', amount="-1", colour='"red"'),
    written(amount="1e400"),
    written(amount="9" * 5_000),
    written(amount="1e-9999999999"),
    written(amount="[[[[]]]]"),
    written(max_slippage="{}"),
    written(client_order_id='"a b"'),
    written(orders="[]"),
    "{" + ",".join(f'"{"x" * 500} {number}":{number}' for number in range(32)) + "}",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_order_has_the_problem_of_its_own_post_and_stops_no_other(outside: Outside, broken: str) -> None:
    alone = post(broken)

    answer = post_batch(written(amount="1"), broken, written(amount="2"))

    assert answer.status == 207
    first, refused, last = answer.document["results"]
    assert refused == {"problem": alone.document}
    assert (first["order"]["amount"], last["order"]["amount"]) == ("1", "2")
    assert len(outside.intake.created) == 2


@pytest.mark.parametrize("item", ["null", "true", "5", '"SOL"', "[]", f"[{written()}]", "1e999"])
def test_an_order_that_is_no_object_is_refused_alone(outside: Outside, item: str) -> None:
    answer = post_batch(item, written())

    refused, accepted = answer.document["results"]
    assert (answer.status, refused["problem"]["status"]) == (207, 400)
    assert refused["problem"]["detail"] == "an order must be a JSON object"
    assert "order" in accepted


def test_a_batch_in_which_every_order_is_broken_asks_redis_for_nothing_to_create(outside: Outside) -> None:
    answer = post_batch("{}", "1", written(amount="0"))

    assert answer.status == 207
    assert statuses(answer) == [400, 400, 400]
    assert outside.intake.created == []


ARRAY = "must be an array of 1 to 100 orders"


@pytest.mark.parametrize(
    "orders",
    ["[]", "null", "{}", '"x"', "5", written(), "[" + ",".join([written()] * 101) + "]"],
)
def test_what_is_no_array_of_1_to_100_orders_is_refused_as_a_whole(outside: Outside, orders: str) -> None:
    assert_refused(post(f'{{"orders":{orders}}}', path=BATCH_PATH), "orders", ARRAY)
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body is not JSON: "),
        (f'{{"orders":[{written()},]}}', "the body is not JSON: "),
        (f'{{"orders":[{written()[:-1]},"amount":1}}]}}', "the body is not JSON: a field is named twice"),
        (f'{{"orders":[{written()}],"orders":[]}}', "the body is not JSON: a field is named twice"),
        (f'{{"orders":[{written(amount="NaN")}]}}', "the body is not JSON: NaN is not a JSON number"),
        (f"[{written()}]", "the body must be a JSON object"),
        ('{"orders":' + "[" * 60_000, "the body is nested too deeply"),
        ('{"orders":[{' + ",".join(f'"{number}":1' for number in range(33)) + "}]}", "a JSON object here has at most"),
        (b'{"orders":["\xff"]}', "the body is not UTF-8: "),
        (written(), "orders must be an array of 1 to 100 orders; token_in is not a field of a batch; "),
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(outside: Outside, body: str | bytes, detail: str) -> None:
    problem = assert_problem(post(body, path=BATCH_PATH), 400, "Bad Request")

    assert problem["detail"].startswith(detail)
    assert outside.intake.created == []


def test_a_batch_has_no_other_field(outside: Outside) -> None:
    answer = post(f'{{"orders":[{written()}],"atomic":true}}', path=BATCH_PATH)

    assert_refused(answer, "atomic", "is not a field of a batch")
    assert outside.intake.created == []


def test_the_longest_orders_that_there_are_fit_a_batch_and_its_answer_stays_small(outside: Outside) -> None:
    mints = {"token_in": '"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"', "token_out": '"SOL"'}
    longest = [named(f"{number:064}", **mints, amount='"184467440737.123456"') for number in range(100)]
    body = json.dumps({"orders": [json.loads(each) for each in longest]}, indent=4)

    answer = post(body, path=BATCH_PATH)

    assert len(body) < MAX_BODY_BYTES
    assert answer.status == 202
    worst = post_batch(*["{" + ",".join(f'"{number}":1' for number in range(32)) + "}"] * 100)
    assert statuses(worst) == [400] * 100
    assert len(worst.text) < 512 * 1024


def test_a_larger_body_a_query_and_other_content_are_refused_as_elsewhere(outside: Outside) -> None:
    body = f'{{"orders":[{written()}]}}'

    assert_problem(post(body.ljust(MAX_BODY_BYTES + 1), path=BATCH_PATH), 413)
    assert_problem(post(body, {"content-type": "text/plain"}, path=BATCH_PATH), 415)
    assert_problem(post(body, {"content-encoding": "gzip"}, path=BATCH_PATH), 415)
    assert outside.intake.created == []


def problem_of(answer: Answer, place: int) -> Any:
    return answer.document["results"][place]["problem"]


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("refused"), redis.TimeoutError("none"), RetryableError("0 of 1 replicas")]
)
def test_orders_whose_fate_is_not_known_are_said_so_and_hide_no_other(outside: Outside, error: Exception) -> None:
    outside.intake.error = error
    alone = post(written())
    outside.intake.error = None
    outside.intake.outcomes = {0: error, 2: error}

    answer = post_batch(*[written()] * 4)

    assert (answer.status, answer.headers["retry-after"]) == (207, "1")
    assert statuses(answer) == [503, 202, 503, 202]
    assert problem_of(answer, 0) == problem_of(answer, 2) == alone.document


def test_orders_beyond_a_limit_are_refused_each_with_the_name_of_the_limit(
    outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    outside.intake.outcomes = dict.fromkeys(range(1, 50), OverloadedError("MAX_WAITING", "orders for p1"))

    answers = [post_batch(*[written()] * 50) for _ in range(4)]

    for answer in answers:
        assert (answer.status, answer.headers["retry-after"]) == (207, "1")
        assert statuses(answer) == [202, *[503] * 49]
        assert problem_of(answer, 1)["limit"] == "MAX_WAITING"
    lines = [line for line in caplog.records if vars(line).get("reason") == "MAX_WAITING"]
    assert 1 <= len(lines) <= 1 + 200 // 25  # not one for each


def test_an_error_that_nobody_expected_is_answered_as_elsewhere(outside: Outside) -> None:
    outside.intake.outcomes = {1: ZeroDivisionError("a mistake")}

    assert_problem(post_batch(written(), written()), 500)


def test_a_name_that_was_used_with_another_order_refuses_its_order_alone(outside: Outside) -> None:
    outside.intake.outcomes = {1: Conflict.KEY_REUSED}

    answer = post_batch(named("a"), named("b"), named("c"))

    assert statuses(answer) == [202, 422, 202]
    assert problem_of(answer, 1)["errors"] == [{"field": "client_order_id", "rule": REUSED}]
    assert "retry-after" not in answer.headers


def test_one_key_names_each_order_of_a_batch_by_its_place(outside: Outside) -> None:
    for key in ("abc", '"abc"', "abd"):
        assert post_batch(written(), written(), headers={"idempotency-key": key}).status == 202
    for key in ("abc", "abc:0", "abc0"):
        post(written(), {"idempotency-key": key})

    created = outside.intake.created
    names = [each.idempotency_key for each in created]
    assert names[0:2] == names[2:4]
    assert len(set(names)) == 2 + 2 + 3
    assert {each.fingerprint for each in created} == {created[0].fingerprint}
    partitions = outside.intake.partitions
    assert all(
        partition_of(each.order.order_id, partitions) == partition_of(each.idempotency_key, partitions)
        for each in created
    )


def test_a_key_does_not_name_an_order_that_has_a_name(outside: Outside) -> None:
    answer = post_batch(named("abc"), written(), headers={"idempotency-key": "abc"})

    assert statuses(answer) == [400, 202]
    assert problem_of(answer, 0) == post(named("abc"), {"idempotency-key": "abc"}).document


def test_a_key_that_breaks_a_rule_is_refused_as_a_whole(outside: Outside) -> None:
    for key, rule in (("", "must have 1 to 255 characters"), ("ä", "must be printable ASCII")):
        assert_refused(post_batch(written(), headers={"idempotency-key": key}), "Idempotency-Key", rule)
    assert outside.intake.created == []
