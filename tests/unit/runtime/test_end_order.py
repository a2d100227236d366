"""The order of a record that is given up ends, as the venue says where its transaction may have been sent."""

import msgspec
import pytest

from orderflow.adapters.streams import Entry
from orderflow.domain.execution import apply_execution
from orderflow.domain.order import Order, Signature, event_of
from orderflow.domain.slicing import settled
from orderflow.domain.status import Status
from orderflow.domain.venue import Quoted
from orderflow.errors import RetryableError
from orderflow.runtime import clients, end_order
from orderflow.runtime.end_order import OrderEnder
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import (
    NOW_MS,
    encode,
    land,
    make_order,
    make_request,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    status_fields,
    with_slice,
)
from tests.support.fakes.chain import FakeChain
from tests.support.fakes.orders import FakeOrders, FakeReplication
from tests.support.launches import LaunchVenue, make_sniper

SUBMITTED = make_order(Status.SUBMITTED)


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_order, "now_ms", lambda: NOW_MS)


STREAM_OF = {
    "route_order": "route",
    "build_order": "build",
    "submit_order": "submit",
    "snipe_order": "snipe",
    "confirm_order": "confirm",
    "produce_block": "transactions",
    "publish_status": "status",
    "open_order": "open",
    "expire_order": "expire",
    "settle_slice": "settle",
}


class Desk:
    """Ends orders among fakes, with orders on record as they are by now."""

    def __init__(self, *on_record: Order | None) -> None:
        self.orders, self.chain, self.replication = FakeOrders(), FakeChain(), FakeReplication()
        for order in filter(None, on_record):
            self.orders.known[order.order_id] = order, [event_of(order)]

    def end(self, function: str, fields: dict[str, str], error: str = "x") -> list[Order]:
        """Give up a record of a function; return the steps that orders took by that."""
        ended = self.give_up(function, fields, error)
        steps = [transition.order for transition in self.orders.transitions]
        assert ended == (steps[-1] if steps else None)
        return steps

    def give_up(self, function: str, fields: dict[str, str], error: str = "x") -> Order | None:
        """Give up a record of a function; return the order that was ended."""
        ender = OrderEnder(self.orders, MockVenue(self.chain, Latency(seed=1, speed=1), self.replication))
        return ender(function, STREAM_OF[function], Entry("1-0", fields, 4), error)


def message(order: Order) -> dict[str, str]:
    return {"order": encode(order)}


def test_the_order_fails_with_the_function_the_attempts_and_the_error() -> None:
    order = make_order(Status.PENDING)
    desk = Desk(order)

    steps = desk.end("route_order", message(order), "KeyError: 'meteora'")

    assert steps == [order.fail("Gave up in route_order after 4 attempts: KeyError: 'meteora'", NOW_MS)]


@pytest.mark.parametrize("status", [Status.ROUTING, Status.SUBMITTED, Status.CONFIRMED, Status.FAILED])
def test_an_order_that_went_on_meanwhile_is_left_alone(status: Status) -> None:
    desk = Desk(make_order(status))

    assert desk.end("route_order", message(make_order(Status.PENDING))) == []


def test_an_order_with_a_status_of_newer_code_is_left_to_it() -> None:
    pending = make_order(Status.PENDING)
    desk = Desk(msgspec.structs.replace(pending, status=Status("of_newer_code")))

    assert desk.end("route_order", message(pending)) == []


@pytest.mark.parametrize("function", ["submit_order", "confirm_order", "produce_block"])
def test_a_transaction_that_has_not_landed_never_will_and_its_order_fails(function: str) -> None:
    desk = Desk(SUBMITTED)

    [failed] = desk.end(function, message(SUBMITTED))

    reason = f"Gave up in {function} after 4 attempts: x"
    assert failed == SUBMITTED.fail(reason, NOW_MS)
    assert desk.chain.executions[SUBMITTED.signature].error == reason


@pytest.mark.parametrize("function", ["submit_order", "confirm_order", "produce_block"])
def test_an_order_whose_transaction_was_executed_is_confirmed(function: str) -> None:
    desk = Desk(SUBMITTED)
    [execution] = land([SUBMITTED]).executions
    desk.chain.executions[SUBMITTED.signature] = execution

    steps = desk.end(function, message(SUBMITTED))

    assert [step.status for step in steps] == [Status.CONFIRMED]
    assert steps == [apply_execution(SUBMITTED, execution, NOW_MS)]


@pytest.mark.parametrize("function", ["submit_order", "confirm_order", "produce_block"])
@pytest.mark.parametrize("executed", [True, False])
def test_the_chain_forgets_the_result_of_an_order_that_is_ended_for_nothing_else_has_it_do_so(
    function: str, *, executed: bool
) -> None:
    desk = Desk(SUBMITTED)
    if executed:
        [desk.chain.executions[SUBMITTED.signature]] = land([SUBMITTED]).executions

    desk.end(function, message(SUBMITTED))

    assert SUBMITTED.transaction is not None
    assert desk.chain.forgotten == [(SUBMITTED.signature, SUBMITTED.transaction.expires_at_ms)]


@pytest.mark.parametrize("on_record", [SUBMITTED.fail("x", NOW_MS), None], ids=["ended", "left Redis"])
def test_the_result_is_forgotten_although_a_crash_came_between_the_end_and_that(on_record: Order | None) -> None:
    desk = Desk(on_record)

    assert desk.end("confirm_order", message(SUBMITTED)) == []
    assert [signature for signature, _ in desk.chain.forgotten] == [SUBMITTED.signature]


def test_the_result_of_an_order_under_way_is_kept() -> None:
    desk = Desk(SUBMITTED)

    desk.end("route_order", message(make_order(Status.PENDING)))

    assert desk.chain.forgotten == []


def test_an_order_is_not_ended_by_what_a_failover_may_take_back() -> None:
    desk = Desk(SUBMITTED)
    desk.replication.error = RetryableError("0 of 1 replicas have what was written to chain")

    with pytest.raises(RetryableError):
        desk.end("submit_order", message(SUBMITTED))

    assert desk.orders.transitions == []


def test_an_order_that_goes_on_while_it_is_ended_is_looked_at_again() -> None:
    desk = Desk(make_order(Status.BUILDING))
    desk.orders.sequences[SUBMITTED.order_id] = SUBMITTED.sequence
    looks = iter([make_order(Status.BUILDING), SUBMITTED])
    desk.orders.find = lambda _, account=None: (next(looks), [])  # type: ignore[method-assign, assignment]

    [failed] = desk.end("submit_order", message(make_order(Status.BUILDING)))

    assert (failed.status, failed.tx_hash) == (Status.FAILED, SUBMITTED.tx_hash)


def test_a_submit_message_whose_step_was_taken_before_sending_failed_ends_its_order() -> None:
    desk = Desk(SUBMITTED)

    [failed] = desk.end("submit_order", message(make_order(Status.BUILDING)))

    assert failed.status is Status.FAILED
    assert SUBMITTED.signature in desk.chain.executions


def test_the_chain_is_not_asked_about_an_order_that_another_message_has_brought_on() -> None:
    desk = Desk(SUBMITTED)

    assert desk.end("build_order", message(make_order(Status.ROUTING))) == []
    assert desk.chain.executions == {}


@pytest.mark.parametrize("fields", [{"order": "{"}, {"order": "{}"}, {}, {"other": "x"}])
def test_a_record_that_holds_no_order_ends_none(fields: dict[str, str]) -> None:
    desk = Desk()

    assert desk.end("route_order", fields) == []


def test_an_order_whose_status_is_not_published_does_not_fail() -> None:
    desk = Desk(make_order())

    assert desk.end("publish_status", status_fields(make_order())) == []


def test_an_order_that_rests_ends_where_it_could_not_be_looked_at() -> None:
    resting = make_waiting_order(Status.OPEN)

    [failed] = Desk(resting).end("open_order", message(resting), "boom")

    assert failed == resting.fail("Gave up in open_order after 4 attempts: boom", NOW_MS)


def until(expires_at_ms: int | None, status: Status = Status.OPEN) -> Order:
    return make_waiting_order(status, request=make_waiting_request("limit", expires_at_ms=expires_at_ms))


def test_an_order_whose_time_is_over_expires_all_the_same() -> None:
    resting, sent = until(NOW_MS), until(NOW_MS, Status.SUBMITTED)
    desk = Desk(sent)

    # Its message names it as it came in.
    assert Desk(resting).end("expire_order", message(until(NOW_MS, Status.PENDING))) == [resting.expire(NOW_MS)]
    assert desk.give_up("expire_order", message(sent)) == sent
    assert desk.orders.ends == {sent.order_id: Status.EXPIRED}


@pytest.mark.parametrize(
    "order", [until(NOW_MS, Status.CONFIRMED), until(None), until(NOW_MS + 3_600_000)], ids=["ended", "none", "amended"]
)
def test_an_order_whose_time_is_not_over_does_not_expire(order: Order) -> None:
    assert Desk(order).end("expire_order", message(until(NOW_MS, Status.PENDING))) == []


def test_the_exits_of_an_order_that_was_executed_are_created_all_the_same() -> None:
    exit_ = make_waiting_request("stop_loss").triggers
    sent = make_order(Status.SUBMITTED, msgspec.structs.replace(make_request(), exits=exit_))
    desk = Desk(sent)
    [desk.chain.executions[sent.signature]] = land([sent]).executions

    [confirmed] = desk.end("confirm_order", message(sent))

    [step] = desk.orders.transitions
    assert step.child is not None
    assert (confirmed.status, confirmed.child_id) == (Status.CONFIRMED, step.child.order_id)
    assert (step.child.parent_id, step.child.request.amount_in) == (sent.order_id, confirmed.amount_out)


@pytest.mark.parametrize("end", [Status.CONFIRMED, Status.FAILED])
def test_a_slice_is_added_to_its_order_which_would_wait_for_it_for_ever(end: Status) -> None:
    whole = make_waiting_order(Status.OPEN, "twap")
    ended, under_way = make_slice(whole, end), with_slice(whole)

    [added] = Desk(ended, under_way).end("settle_slice", message(ended), "boom")

    assert added == settled(under_way, ended, NOW_MS)
    assert added.amount_filled == (ended.request.amount_in if end is Status.CONFIRMED else 0)


def test_what_is_no_slice_is_added_to_nothing() -> None:
    order = make_order(Status.CONFIRMED)

    assert Desk(order).end("settle_slice", message(order)) == []


def test_an_order_is_not_ended_while_a_slice_of_it_is_under_way() -> None:
    in_slices = with_slice(make_waiting_order(Status.OPEN, "twap"))

    assert Desk(in_slices).end("open_order", message(in_slices)) == []


@pytest.mark.parametrize("whole", [None, make_waiting_order(Status.PARTIALLY_FILLED, "twap")])
def test_but_one_that_has_the_slice_or_is_gone_is_left_alone(whole: Order | None) -> None:
    ended = make_slice(make_waiting_order(Status.OPEN, "twap"))

    assert Desk(ended, whole).end("settle_slice", message(ended)) == []


def test_a_record_waits_while_the_venue_can_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "orders", FakeOrders)
    monkeypatch.setenv("VENUE", "none")
    clients.venue.cache_clear()

    with pytest.raises(RetryableError, match="VENUE='none'"):
        end_order.end_order("route_order", "route", Entry("1-0", message(SUBMITTED), 4), "x")


def test_an_order_that_took_its_three_steps_and_could_not_be_sent_ends_as_the_venue_says() -> None:
    fired = make_sniper(Status.TRIGGERED)
    submitted = _submitted(fired)
    desk = Desk(submitted)

    [failed] = desk.end("snipe_order", message(fired))

    assert (failed.status, failed.sequence) == (Status.FAILED, submitted.sequence + 1)
    assert desk.chain.executions[submitted.signature].error == "Gave up in snipe_order after 4 attempts: x"


def test_a_late_copy_of_an_attempt_before_leaves_the_one_that_is_under_way() -> None:
    fired = make_sniper(Status.TRIGGERED)
    again = _submitted(fired).fire_again("attempt 1: x", NOW_MS)
    desk = Desk(_submitted(again))

    assert desk.end("snipe_order", message(fired)) == []


def _submitted(fired: Order) -> Order:
    """Return an order after the steps that it takes at once."""
    [quoted] = LaunchVenue().quote_launched([fired])
    assert isinstance(quoted, Quoted)
    routed = fired.choose_route(quoted.route, NOW_MS)
    built = routed.build(("swap",), 1_000, NOW_MS + 60_000, NOW_MS)
    return built.submit(Signature("0x1"), NOW_MS)
