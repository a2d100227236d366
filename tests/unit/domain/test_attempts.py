"""What becomes of an order that waits when an attempt to execute it is refused."""

from decimal import Decimal

import msgspec
import pytest

from orderflow.domain.attempts import MOST_LIMIT_ATTEMPTS, MOST_STOP_ATTEMPTS, refused, rejected, too_little
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.order import Order, OrderType
from orderflow.domain.status import Status
from orderflow.errors import PoolClosedError, RejectedError
from tests.support.builders import NOW_MS, make_order, make_waiting_order, make_waiting_request
from tests.support.launches import make_sniper

ON_THE_WAY = [Status.TRIGGERED, Status.ROUTING, Status.BUILDING, Status.SUBMITTED]


def tried(order: Order, attempts: int) -> Order:
    return msgspec.structs.replace(order, attempts=attempts)


@pytest.mark.parametrize("status", ON_THE_WAY)
def test_an_order_with_a_limit_rests_again_and_says_why_and_until_when(status: Status) -> None:
    order = refused(make_waiting_order(status), "Blockhash not found", 4_122, NOW_MS)

    assert (order.status, order.attempts) == (Status.OPEN, 1)
    assert order.reason == "attempt 1: Blockhash not found; next attempt from slot 4123"
    assert order.rests is not None
    assert order.rests.from_slot == 4_123


@pytest.mark.parametrize(
    ("attempts", "waits"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 64), (7, 64), (998, 64)]
)
def test_it_waits_twice_as_long_after_each_attempt_up_to_64_slots(attempts: int, waits: int) -> None:
    order = refused(tried(make_waiting_order(Status.SUBMITTED), attempts), "x", 100, NOW_MS)

    assert order.rests is not None
    assert (order.attempts, order.rests.from_slot) == (attempts + 1, 100 + waits)


def test_it_does_not_try_for_ever() -> None:
    order = refused(tried(make_waiting_order(Status.SUBMITTED), MOST_LIMIT_ATTEMPTS - 1), "x", 100, NOW_MS)

    assert (order.status, order.reason) == (Status.FAILED, "attempt 1000: x")


def test_after_a_part_was_executed_it_counts_anew() -> None:
    part = make_waiting_order(Status.PARTIALLY_FILLED)
    again = tried(make_waiting_order(Status.SUBMITTED), 3)

    assert part.attempts == 0
    assert again.fill(1, (), 1, NOW_MS).attempts == 0


@pytest.mark.parametrize("order_type", ["take_profit", "stop_loss", "trailing_stop", "oco"])
@pytest.mark.parametrize("status", ON_THE_WAY)
def test_a_stop_goes_again_at_once(status: Status, order_type: str) -> None:
    before = make_waiting_order(status, order_type)  # type: ignore[arg-type]

    order = refused(before, "Price moved 21.00% (max allowed: 20.00%)", 100, NOW_MS)

    assert (order.status, order.attempts, order.fired) == (Status.TRIGGERED, 1, before.fired)
    assert order.reason == "attempt 1: Price moved 21.00% (max allowed: 20.00%)"


def test_a_stop_that_was_refused_ten_times_fails_with_the_last_reason() -> None:
    order = make_waiting_order(Status.SUBMITTED, "stop_loss")
    reasons = []
    for attempt in range(MOST_STOP_ATTEMPTS):
        order = refused(tried(make_waiting_order(Status.SUBMITTED, "stop_loss"), attempt), f"no {attempt}", 1, NOW_MS)
        reasons.append((order.status, order.reason))

    assert MOST_STOP_ATTEMPTS == 10
    assert {status for status, _ in reasons[:-1]} == {Status.TRIGGERED}
    assert reasons[-1] == (Status.FAILED, "no 9")


def test_a_stop_with_a_limit_rests_at_that_limit_once_it_was_fired() -> None:
    stop_limit = Trigger("stop_loss", 2_000, price=Price(Decimal(200)), limit=Limit(Price(Decimal(198))))
    request = make_waiting_request("stop_loss", triggers=(stop_limit,))

    order = refused(make_waiting_order(Status.SUBMITTED, request=request), "x", 100, NOW_MS)

    assert order.status is Status.OPEN
    assert order.rests is not None
    assert order.rests.minimum_out == 198 * 12_500_000


@pytest.mark.parametrize("time_in_force", ["fok", "ioc"])
def test_what_is_not_to_rest_is_cancelled_with_the_reason(time_in_force: str) -> None:
    request = make_waiting_request("limit", time_in_force=time_in_force)

    order = refused(make_waiting_order(Status.SUBMITTED, request=request), "Blockhash not found", 100, NOW_MS)

    assert (order.status, order.reason) == (Status.CANCELLED, "Blockhash not found")


def test_the_signature_of_a_refused_attempt_stays_in_its_own_events() -> None:
    sent = make_waiting_order(Status.SUBMITTED)

    order = refused(sent, "x", 100, NOW_MS)

    assert order.tx_hash == sent.tx_hash
    assert make_waiting_order(Status.BUILDING).reopen("x", 7, NOW_MS).tx_hash is None


def test_a_market_order_that_a_stage_rejects_fails() -> None:
    order = rejected(make_order(Status.ROUTING), RejectedError("no venue trades it"), NOW_MS)

    assert (order.status, order.reason) == (Status.FAILED, "no venue trades it")


def test_an_order_that_waits_and_that_a_stage_rejects_is_tried_again_after_the_slot_it_was_decided_in() -> None:
    triggered, routed = make_waiting_order(Status.TRIGGERED), make_waiting_order(Status.ROUTING)
    later = msgspec.structs.replace(routed, route=msgspec.structs.replace(routed.chosen_route, slot=77))

    reopened = [rejected(order, RejectedError("x"), NOW_MS) for order in (triggered, routed, later)]

    assert [order.status for order in reopened] == [Status.OPEN] * 3
    assert [order.rests and order.rests.from_slot for order in reopened] == [1, 1, 78]


@pytest.mark.parametrize("status", [Status.PENDING, Status.OPEN, Status.PARTIALLY_FILLED])
def test_one_that_was_not_fired_fails_as_there_is_nothing_to_try_again(status: Status) -> None:
    order = rejected(make_waiting_order(status), RejectedError("x"), NOW_MS)

    assert (order.status, order.reason) == (Status.FAILED, "x")


def test_what_is_too_little_is_said_in_units() -> None:
    order = make_waiting_order(Status.TRIGGERED)

    assert too_little(order, 2_736_981_102, 2_737_500_000) == "would yield 2736.981102 USDC, limit 2737.5"


@pytest.mark.parametrize(("attempts", "status"), [(0, Status.TRIGGERED), (1, Status.TRIGGERED), (2, Status.FAILED)])
def test_a_launch_is_tried_three_times(attempts: int, status: Status) -> None:
    order = refused(tried(make_sniper(Status.TRIGGERED), attempts), "Price moved 31.20%", 41, NOW_MS)

    assert order.status is status
    assert order.request.token_out == "MOON0"


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "trailing_stop", "oco"])
@pytest.mark.parametrize("status", ON_THE_WAY[:-1])
def test_one_whose_token_has_closed_meanwhile_is_not_tried_again(status: Status, order_type: OrderType) -> None:
    order = rejected(make_waiting_order(status, order_type), PoolClosedError(), NOW_MS)

    assert (order.status, order.reason, order.attempts) == (Status.CANCELLED, "pool closed", 0)


def test_a_snipe_of_a_token_that_has_closed_is_not_tried_again_and_a_market_order_fails() -> None:
    sniper, market = (
        rejected(each, PoolClosedError(), NOW_MS) for each in (make_sniper(Status.TRIGGERED), make_order())
    )

    assert (sniper.status, sniper.reason) == (Status.CANCELLED, "pool closed")
    assert (market.status, market.reason) == (Status.FAILED, "pool closed")
