"""accept_order through its Lambda handler: orders of every type that are accepted, and what is answered to them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from functions.accept_order.examples import ACCEPTED, ORDERS_BY_TYPE
from orderflow.domain.order import OrderId, iso_timestamp
from orderflow.errors import OverloadedError
from orderflow.runtime import order_ids
from orderflow.runtime.http.order_models import MODELS
from tests.support.fakes.outside import Outside
from tests.support.http_api import CONDITIONS, assert_problem, get, of_type, post, post_batch, written

pytestmark = pytest.mark.usefixtures("_event_loop")

BUY = {"token_in": '"USDC"', "token_out": '"SOL"', "amount": "100"}
MINUTE_S = 60


def rest_of(answer: Any) -> dict[str, Any]:
    """Return what an answer says beyond those to market orders."""
    assert list(answer)[:4] == ["order_id", "status", "amount", "max_slippage"]
    return {name: value for name, value in answer.items() if name not in list(answer)[:4]}


@pytest.mark.parametrize(("name", "order"), [(name, order) for name, (_, order) in ORDERS_BY_TYPE.items()])
def test_every_documented_example_is_accepted(outside: Outside, name: str, order: dict[str, Any]) -> None:
    answer = post(json.dumps(order))

    [created] = outside.intake.created
    assert answer.status == 202, answer.text
    assert name.startswith(created.order.request.order_type)
    if name in ACCEPTED:
        documented = json.loads(json.dumps(ACCEPTED[name]["value"]), parse_float=Decimal)
        own = {"order_id", "expires_at"} if "expires_in" in order else {"order_id"}
        assert list(answer.document) == list(documented)
        assert answer.document | {each: documented[each] for each in own} == documented


def test_there_is_an_example_for_each_type(outside: Outside) -> None:
    execute = get("/openapi.json").document["paths"]["/api/orders/execute"]["post"]

    body = execute["requestBody"]["content"]["application/json"]
    types = {example["value"]["order_type"] for example in body["examples"].values()}
    assert types == set(MODELS) - {"dca"}
    assert set(body["schema"]["discriminator"]["mapping"]) == set(MODELS)


@pytest.mark.parametrize(
    ("body", "minimum_out"),
    [
        (of_type("limit", amount="12.5", limit_price='"221.37"'), "2767125000"),
        (of_type("limit", **BUY, limit_price='"219.99"', price_in='"token_in"'), "454566117"),
        (
            of_type("limit", token_in='"BONK"', amount="300000003", limit_price="0.0000213"),
            "6390000064",
        ),
        (of_type("limit", limit_price=None, min_amount_out='"2750.000001"'), "2750000001"),
    ],
)
def test_the_answer_to_a_limit_order_says_the_least_it_is_executed_for(
    outside: Outside, body: str, minimum_out: str
) -> None:
    answer = post(body)

    assert rest_of(answer.document) == {
        "order_type": "limit",
        "time_in_force": "gtc",
        "expires_at": None,
        "minimum_out": minimum_out,
    }


def test_the_answer_to_a_market_order_is_what_it_was(outside: Outside) -> None:
    plain, with_exits = post(written()), post(written(then='{"stop_loss":{"trigger_price":200}}'))

    first, second = (created.order for created in outside.intake.created)
    for answer, order in ((plain, first), (with_exits, second)):
        assert answer.text == (
            f'{{"order_id":"{order.order_id}","status":"pending","amount":"12.5","max_slippage":0.05}}'
        )
    assert [each.rule for each in second.request.exits] == ["stop_loss"]


def test_the_answer_to_an_order_with_triggers_says_each(outside: Outside) -> None:
    profit = '{"trigger_price":"250","limit_price":"251","trigger_slots":3,"max_slippage":0.0312345}'

    said = rest_of(post(of_type("oco", take_profit=profit)).document)

    assert said["triggers"] == [
        {"rule": "take_profit", "trigger_slots": 3, "max_slippage": Decimal("0.0312"), "minimum_out": "3137500000"},
        {"rule": "stop_loss", "trigger_slots": 1, "max_slippage": Decimal("0.2"), "minimum_out": None},
    ]


def test_the_answer_to_a_twap_says_what_its_first_slice_sells(outside: Outside) -> None:
    said = rest_of(post(of_type("twap", amount="0.100000001", slices="3")).document)

    assert said["slice_amount"] == "0.033333333"
    assert said["order_type"] == "twap"
    by_its_other_name = post(of_type("twap").replace('"twap"', '"dca"'))
    assert rest_of(by_its_other_name.document) == rest_of(post(of_type("twap")).document)


def test_a_time_with_an_offset_is_answered_in_utc(outside: Outside) -> None:
    said = rest_of(post(of_type("limit", expires_at='"2026-12-01T12:00:00+02:00"')).document)

    assert (said["time_in_force"], said["expires_at"]) == ("gtd", "2026-12-01T10:00:00.000Z")


def test_an_order_that_is_good_for_a_time_is_so_from_when_it_was_made(outside: Outside) -> None:
    said = post(of_type("limit", expires_in=str(MINUTE_S))).document

    [created] = outside.intake.created
    ends_at_ms = order_ids.made_at_ms(created.order.order_id) + MINUTE_S * 1000
    assert created.order.request.expires_at_ms == ends_at_ms
    assert said["expires_at"] == iso_timestamp(ends_at_ms)


def test_an_order_that_is_good_for_a_time_is_the_same_when_it_is_sent_again(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_id = OrderId("01a20477-0e28-7d4b-9a3f-2b7c5d8e9f10")
    outside.intake.outcome = first_id
    bodies = (
        of_type("limit", expires_in="60"),
        of_type("limit", expires_in='"60.000"', time_in_force='"gtd"'),
        of_type("limit", expires_in="61"),
        of_type("limit"),
    )
    for number, body in enumerate(bodies):
        with monkeypatch.context() as patch:
            patch.setattr(order_ids, "made_at_ms", lambda _, number=number: number)
            post(body, {"idempotency-key": "abc"})
    said = post(of_type("limit", expires_in="60"), {"idempotency-key": "abc"}).document

    first, again, longer, endless, _ = outside.intake.created
    assert first.fingerprint == again.fingerprint
    assert len({first.fingerprint, longer.fingerprint, endless.fingerprint}) == 3
    assert (said["order_id"], said["expires_at"]) == (first_id, "2026-11-22T18:15:01.000Z")


@pytest.mark.parametrize("order_type", CONDITIONS)
def test_an_order_in_a_batch_is_read_and_answered_as_its_own_post_is(outside: Outside, order_type: str) -> None:
    outside.intake.outcome = OrderId("01a20477-0e28-7d4b-9a3f-2b7c5d8e9f10")
    alone = post(of_type(order_type))
    broken = of_type(order_type, amount="-1")

    answer = post_batch(of_type(order_type), broken)

    assert answer.document["results"] == [{"order": alone.document}, {"problem": post(broken).document}]
    one, other = outside.intake.created
    assert one.order.request == other.order.request


def test_a_batch_may_have_orders_of_every_type(outside: Outside) -> None:
    answer = post_batch(*(of_type(order_type) for order_type in CONDITIONS))

    assert answer.status == 202
    assert [each.order.request.order_type for each in outside.intake.created] == list(CONDITIONS)


def test_where_too_many_rest_the_answer_names_the_limit(outside: Outside) -> None:
    outside.intake.error = OverloadedError("MAX_RESTING", "p0")

    answer = post(of_type("limit"))

    problem = assert_problem(answer, 503, "Service Unavailable")
    assert problem["limit"] == "MAX_RESTING"
    assert answer.headers["retry-after"] == "1"
