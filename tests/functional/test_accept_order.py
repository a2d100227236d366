"""accept_order through its Lambda handler: an order that is accepted, and one that can't be kept."""

from decimal import Decimal
from uuid import UUID

import pytest
import redis

from orderflow.adapters.intake import Conflict
from orderflow.adapters.keys import partition_of
from orderflow.domain.order import OrderId, OrderRequest
from orderflow.errors import RetryableError
from tests.support.builders import (
    OTHER_ID,
    make_order,
    make_request,
    read_event,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import SOL_MINT, assert_problem, assert_refused, call, get, post, written

pytestmark = pytest.mark.usefixtures("_event_loop")


def test_an_order_is_accepted(outside: Outside) -> None:
    answer = call(read_event("accept_order.execute"))

    (created,) = outside.intake.created
    assert answer.status == 202
    assert answer.document == {
        "order_id": created.order.order_id,
        "status": "pending",
        "amount": "12.5",
        "max_slippage": Decimal("0.05"),
    }
    assert answer.headers["location"] == f"/api/orders/{created.order.order_id}"
    assert answer.headers["content-type"] == "application/json"
    assert created.order == make_order(order_id=created.order.order_id)
    assert (created.idempotency_key, created.fingerprint) == ("", "")


def test_every_order_has_an_id_of_its_own_that_sorts_by_time(outside: Outside) -> None:
    ids = [post(written()).document["order_id"] for _ in range(20)]

    assert ids == sorted(set(ids))
    assert {UUID(each).version for each in ids} == {7}


@pytest.mark.parametrize(
    ("changes", "request_"),
    [
        ({"amount": "0.1"}, make_request(amount="0.1")),
        ({"amount": '"0.1"'}, make_request(amount="0.1")),
        ({"amount": "12.123456789"}, make_request(amount="12.123456789")),
        ({"amount": '"12.123456789"'}, make_request(amount="12.123456789")),
        ({"amount": "1e-9"}, make_request(amount="0.000000001")),
        ({"amount": "1"}, make_request(amount="1")),
        ({"max_slippage": None}, make_request(slippage_bps=500)),
        ({"max_slippage": "0.01"}, make_request(slippage_bps=100)),
        ({"max_slippage": "0.5"}, make_request(slippage_bps=5_000)),
        ({"max_slippage": '"0.0123"'}, make_request(slippage_bps=123)),
        ({"token_in": f'"{SOL_MINT}"', "token_out": '"usdc"'}, make_request()),
        ({"token_in": '"usdc"', "token_out": '"BONK"'}, make_request("USDC", "BONK")),
        # No pool trades these two; the way leads through others.
        ({"token_in": '"JUP"', "token_out": '"WIF"'}, make_request("JUP", "WIF")),
    ],
)
def test_what_is_asked_for_is_taken_exactly(
    outside: Outside, changes: dict[str, str | None], request_: OrderRequest
) -> None:
    answer = post(written(**changes))

    assert answer.status == 202
    assert [created.order.request for created in outside.intake.created] == [request_]


def test_a_tenth_of_a_sol_is_a_hundred_million_atoms(outside: Outside) -> None:
    post(written(amount="0.1"))
    post(written(amount="12.123456789"))

    assert [created.order.request.amount_in for created in outside.intake.created] == [100_000_000, 12_123_456_789]


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("refused"),
        redis.TimeoutError("no answer"),
        redis.exceptions.BusyLoadingError("LOADING"),
        redis.exceptions.OutOfMemoryError("OOM"),
        redis.exceptions.ReadOnlyError("READONLY"),
        ConnectionResetError("reset"),
        RetryableError("unavailable"),
    ],
)
def test_what_can_not_be_kept_is_not_accepted(outside: Outside, error: Exception) -> None:
    outside.intake.error = error

    answer = post(written())

    problem = assert_problem(answer, 503, "Service Unavailable")
    assert answer.headers["retry-after"] == "1"
    assert problem["detail"] == "the service can't keep your request right now; try again"


def test_an_idempotency_key_names_a_record_and_a_fingerprint_of_the_request(outside: Outside) -> None:
    for body in (written(), written(amount='"12.50"', token_in='"sol"'), written(amount="12.6")):
        post(body, {"idempotency-key": "abc"})
    post(written(), {"idempotency-key": "abd"})

    first, alike, other, other_key = outside.intake.created
    assert first.idempotency_key == alike.idempotency_key == other.idempotency_key != other_key.idempotency_key
    assert "abc" not in first.idempotency_key
    assert first.fingerprint == alike.fingerprint == other_key.fingerprint != other.fingerprint


@pytest.mark.parametrize("partitions", [1, 4, 16])
def test_an_order_with_a_key_lies_in_the_partition_of_its_key(outside: Outside, partitions: int) -> None:
    outside.intake.partitions = partitions

    for number in range(20):
        post(written(), {"idempotency-key": f"key {number}"})

    for created in outside.intake.created:
        assert partition_of(created.order.order_id, partitions) == partition_of(created.idempotency_key, partitions)


def test_a_key_that_came_before_with_the_same_request_gets_the_first_order_again(outside: Outside) -> None:
    outside.intake.outcome = OrderId(OTHER_ID)

    answer = post(written(), {"idempotency-key": "abc"})

    assert answer.status == 202
    assert (answer.document["order_id"], answer.document["status"]) == (OTHER_ID, "pending")
    assert answer.headers["location"] == f"/api/orders/{OTHER_ID}"


def test_a_key_that_came_before_with_another_request_is_refused(outside: Outside) -> None:
    outside.intake.outcome = Conflict.KEY_REUSED

    problem = assert_problem(post(written(), {"idempotency-key": "abc"}), 422)

    assert problem["errors"] == [{"field": "Idempotency-Key", "rule": "must not be used again with another order"}]


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 202), (255, 202), (256, 400)])
def test_a_key_has_1_to_255_characters(outside: Outside, length: int, status: int) -> None:
    answer = post(written(), {"idempotency-key": "k" * length})

    assert answer.status == status
    if status == 400:
        assert_refused(answer, "Idempotency-Key", "must have 1 to 255 characters")


@pytest.mark.parametrize("path", ["/api/orders/execute", "/api/orders/status"])
def test_a_plain_get_of_a_websocket_path_is_answered_upgrade_required(outside: Outside, path: str) -> None:
    problem = assert_problem(get(path), 426, "Upgrade Required")

    assert problem["detail"] == f"{path} is a WebSocket: connect, then send an order id"
