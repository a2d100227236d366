"""accept_order through its Lambda handler: the names by which a client may repeat an order, and overload."""

import json

import pytest

from orderflow.adapters.intake import Conflict
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import OrderId
from orderflow.errors import OverloadedError
from tests.support.builders import OTHER_ID
from tests.support.fakes.outside import Outside
from tests.support.http_api import assert_problem, assert_refused, post, post_batch, written

pytestmark = pytest.mark.usefixtures("_event_loop")

PRINTABLE = "must be printable ASCII without spaces"
LENGTH = "must have 1 to 64 characters"


def named(client_order_id: str, **changes: str | None) -> str:
    return written(client_order_id=json.dumps(client_order_id), **changes)


@pytest.mark.parametrize("client_order_id", ["a", "desk-7.42", "!~", '"\\', "x" * 64, "<b>&'", "null"])
def test_an_order_keeps_the_name_that_its_client_gave_it(outside: Outside, client_order_id: str) -> None:
    answer = post(named(client_order_id))

    (created,) = outside.intake.created
    assert answer.status == 202
    assert created.order.client_order_id == client_order_id


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ('""', LENGTH),
        (json.dumps("x" * 65), LENGTH),
        *[
            (json.dumps(text), PRINTABLE)
            for text in ("a b", " ", "a\n", "\t", "\x00", "\x7f", "ä", "٣", "😀", "a\u00a0")
        ],
        *[(value, "must be a string") for value in ("5", "true", "[]", "{}", "1.5")],
    ],
)
def test_a_name_that_breaks_a_rule_is_refused_with_the_rule(outside: Outside, value: str, rule: str) -> None:
    assert_refused(post(written(client_order_id=value)), "client_order_id", rule)
    assert outside.intake.created == []


def test_a_name_identifies_its_order_as_a_key_does_and_is_no_part_of_what_is_asked(outside: Outside) -> None:
    for body in (named("abc"), named("abc", amount='"12.50"'), named("abc", amount="12.6"), named("abd")):
        post(body)
    post(written(), {"idempotency-key": "abc"})

    first, alike, other, other_name, key = outside.intake.created
    assert first.idempotency_key == alike.idempotency_key == other.idempotency_key
    assert len({first.idempotency_key, other_name.idempotency_key, key.idempotency_key}) == 3
    assert first.fingerprint == alike.fingerprint == other_name.fingerprint == key.fingerprint != other.fingerprint
    assert first.order.request == key.order.request
    partitions = outside.intake.partitions
    assert partition_of(first.order.order_id, partitions) == partition_of(first.idempotency_key, partitions)


def test_a_name_that_came_before_with_the_same_order_gets_that_one_again(outside: Outside) -> None:
    outside.intake.outcome = OrderId(OTHER_ID)

    answer = post(named("abc"))

    assert (answer.status, answer.document["order_id"], answer.document["status"]) == (202, OTHER_ID, "pending")


OVER: dict[str, str | None] = {
    "order_type": '"limit"',
    "limit_price": '"200"',
    "max_slippage": None,
    "expires_at": '"2026-11-22T18:14:01.123Z"',
}
"""What makes an order of the one that is written whose time is over now."""


def test_an_order_that_is_sent_again_when_its_time_is_over_is_found(outside: Outside) -> None:
    outside.intake.outcome = OrderId(OTHER_ID)

    by_name, by_key = post(named("abc", **OVER)), post(written(**OVER), {"idempotency-key": "abc"})
    in_batches = [post_batch(named("abc", **OVER)), post_batch(written(**OVER), headers={"idempotency-key": "abc"})]

    assert [(answer.status, answer.document["order_id"]) for answer in (by_name, by_key)] == [(202, OTHER_ID)] * 2
    assert [answer.status for answer in in_batches] == [202, 202]
    assert [new.is_over for new in outside.intake.created] == [True] * 4


def test_an_order_whose_time_is_over_is_not_made(outside: Outside) -> None:
    outside.intake.outcome = Conflict.IS_OVER

    assert_refused(post(named("abc", **OVER)), "expires_at", "must be in the future")
    outside.intake.created.clear()
    assert_refused(post(written(**OVER)), "expires_at", "must be in the future")
    assert outside.intake.created == []
    post(named("abc", **(OVER | {"expires_at": '"2026-11-22T18:14:01.124Z"'})))
    assert [new.is_over for new in outside.intake.created] == [False]


def test_a_name_that_came_before_with_another_order_is_refused(outside: Outside) -> None:
    outside.intake.outcome = Conflict.KEY_REUSED

    problem = assert_problem(post(named("abc")), 422)

    assert problem["errors"] == [{"field": "client_order_id", "rule": "must not be used again with another order"}]


def test_two_names_for_one_order_are_one_too_many(outside: Outside) -> None:
    problem = assert_problem(post(named("abc"), {"idempotency-key": "abc"}), 400)

    assert problem["detail"] == "Idempotency-Key and client_order_id each identify the order: give one"
    assert [error["field"] for error in problem["errors"]] == ["Idempotency-Key", "client_order_id"]
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("written_key", "meant"),
    [
        ('"abc"', "abc"),
        (" abc ", "abc"),
        ('"a b"', "a b"),
        (r'"a\"b\\c"', r"a\"b\c".replace(r"\"", '"')),
        ("a;c=1", "a;c=1"),
        ('a"b"', 'a"b"'),
        ('"' + "k" * 255 + '"', "k" * 255),
    ],
)
def test_a_key_is_the_same_bare_or_as_the_draft_writes_it(outside: Outside, written_key: str, meant: str) -> None:
    for key in (written_key, meant):
        assert post(written(), {"idempotency-key": key}).status == 202

    one, other = outside.intake.created
    assert one.idempotency_key == other.idempotency_key


def test_a_key_that_has_a_comma_stands_in_quotation_marks(outside: Outside) -> None:
    answers = [post(written(), {"idempotency-key": key}) for key in ('"k,k"', r'"a\"b, c"', '"k"')]

    assert [answer.status for answer in answers] == [202, 202, 202]
    assert len({created.idempotency_key for created in outside.intake.created}) == 3


@pytest.mark.parametrize("joined", ["k,k", "k, k", "a,b", ",k", "k,", ",", "a,b;c=1", 'a,"b"', '"a", "b"', '"k","k"'])
def test_a_key_that_was_sent_twice_and_joined_on_its_way_is_refused(outside: Outside, joined: str) -> None:
    answer = post(written(), {"idempotency-key": joined})

    assert_refused(answer, "Idempotency-Key", "must be given once; a key that has a comma stands in quotation marks")
    assert outside.intake.created == []


QUOTED = "must be one string of RFC 8941, since it begins with a quotation mark"


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        *[(key, "must be printable ASCII") for key in ("ä", "a\x7f", "a\tb", "\x01", "\u00ff")],
        *[(key, QUOTED) for key in ('"', '"abc', '"a"b"', r'"a\b"', '"ä"', '"abc";a=1', '"a\tb"')],
        *[(key, "must have 1 to 255 characters") for key in ("", " ", '""', '"' + "k" * 256 + '"')],
    ],
)
def test_a_key_that_breaks_a_rule_is_refused_with_the_rule(outside: Outside, key: str, rule: str) -> None:
    assert_refused(post(written(), {"idempotency-key": key}), "Idempotency-Key", rule)
    assert outside.intake.created == []


def test_beyond_a_limit_an_order_is_refused_for_now_with_the_name_of_the_limit(
    outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    outside.intake.error = OverloadedError("MAX_LAG", "p0:route")

    answers = [post(written()) for _ in range(50)]

    for answer in answers:
        problem = assert_problem(answer, 503, "Service Unavailable")
        assert answer.headers["retry-after"] == "1"
        assert problem["limit"] == "MAX_LAG"
        assert problem["detail"] == "the engine carries no more right now (MAX_LAG); try again"
    lines = [vars(line) for line in caplog.records if vars(line).get("reason") == "MAX_LAG"]
    assert len(lines) <= 1 + 50 // 25  # not one for each
    outside.intake.error = None
    assert post(written()).status == 202
